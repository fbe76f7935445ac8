"""`cmind.access`: the actions of other automations that scripts use, answered here or by the run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.child import functions

if TYPE_CHECKING:
    import logging

    from scriptgraph.compat.child.running import Running

_UTILS = {
    name: getattr(functions, name) for name in ("compare_versions", "download_file", "unzip_file", "get_host_os_info")
}


class Access:
    """The engine's door to its other parts."""

    logger: logging.Logger

    def __init__(self, script: Running) -> None:
        self._script = script

    def access(self, i: dict[str, Any]) -> dict[str, Any]:
        """Answer an action of the automations utils, script and cache."""
        automation, action = str(i.get("automation") or i.get("target", "")).split(",")[0], str(i.get("action", ""))
        if automation == "utils" and action in _UTILS:
            return dict(_UTILS[action](i))
        if automation == "script" and action == "run":
            return self._run(i)
        if automation in {"script", "cache"} and action in {"find", "search", "list", "show"}:
            reply = self._script.channel.ask({"ask": "find", "automation": automation, "tags": i.get("tags", "")})
            return {"return": 0, "list": [_artifact(each) for each in reply["list"]]}
        return {"return": 1, "error": f"the action {action} of the automation {automation} is not served"}

    def _run(self, i: dict[str, Any]) -> dict[str, Any]:
        script = self._script
        own: dict[str, Any] = i["env"] if isinstance(i.get("env"), dict) else {}
        more = {key: value for key, value in own.items() if script.env.get(key, ...) != value}
        fields = {key: value for key, value in i.items() if key not in {"action", "automation", "env", "state", "out"}}
        reply = script.channel.ask({"ask": "script", "fields": fields, "more": more, **script.changes()})
        if "error" in reply:
            return {"return": 1, "error": reply["error"]}
        new_env, new_state = reply.get("env", {}), reply.get("state", {})
        own.update(new_env)
        if isinstance(i.get("state"), dict):
            i["state"].update(new_state)
        return {
            "return": 0, "new_env": new_env, "new_state": new_state, "env": {**script.env, **new_env},
            "state": {**script.state, **new_state}, "deps": [],
        }  # fmt: skip


def _artifact(fields: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(path=fields["path"], meta=fields["meta"], original_meta=fields["meta"])
