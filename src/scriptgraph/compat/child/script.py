"""One foreign script from preprocess to its exports, in the order of 2023."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
import traceback
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.child import modules
from scriptgraph.compat.child.automation import Automation
from scriptgraph.compat.child.host import host_os_info
from scriptgraph.compat.child.merging import chosen, fill_in, merge
from scriptgraph.compat.child.native import run_native, script_file
from scriptgraph.compat.child.outcome import Failed, checked

if TYPE_CHECKING:
    from scriptgraph.compat.child.channel import Channel

RUN_ENV, RUN_STATE, VERSION_FILE, STATE_FILE = "tmp-run-env.out", "tmp-run-state.json", "tmp-ver.out", "tmp-state.json"
_NATIVE_FAILED = 2


class Script:
    """A script that runs.

    Attributes:
        env, state: what its code reads and changes.
        job: what the run has told: its folder, manifest, variations, dependencies, and values of the user.
    """

    def __init__(self, channel: Channel, job: dict[str, Any]) -> None:
        self.channel, self.job = channel, job
        self.env: dict[str, Any] = job["env"]
        self.state: dict[str, Any] = job["state"]
        self.meta: dict[str, Any] = job["meta"]
        self.folder = Path(job["folder"])
        self.prefix = str(job["prefix"])
        self._given = copy.deepcopy(self.env)
        self._given_state = copy.deepcopy(self.state)
        self.os_info = host_os_info()
        self.automation = Automation(self, self.os_info)
        self.code: ModuleType | None = None
        self._common: dict[str, Any] = {}
        self._overrides: dict[str, Any] = {}

    def load(self) -> None:
        """Import the script's code."""
        path = self.folder / "customize.py"
        if not path.is_file():
            return
        sys.path.append(str(self.folder))
        sys.dont_write_bytecode = True  # nothing is written into the collection
        spec = importlib.util.spec_from_file_location("customize", path)
        if spec is None or spec.loader is None:
            raise Failed(f"{path} cannot be imported")
        self.code = importlib.util.module_from_spec(spec)
        sys.modules["customize"] = self.code
        spec.loader.exec_module(self.code)

    def input(self, **more: Any) -> dict[str, Any]:
        """Return the dictionary that the functions of a script get."""
        return {
            "input": self.job["input"],
            "automation": self.automation,
            "artifact": SimpleNamespace(path=str(self.folder), meta=self.meta, original_meta=self.meta),
            "customize": self.meta.get("customize", {}),
            "os_info": self.os_info,
            "recursion_spaces": "",
            "script_tags": self.job["tags"],
            "variation_tags": self.job["variations"],
            "env": self.env,
            "state": self.state,
            "meta": self.meta,
            "const": self.job["const"],
            "const_state": {},
            "run_script_input": self.run_script_input,
            **more,
        }

    @property
    def run_script_input(self) -> dict[str, Any]:
        """The dictionary that scripts hand back to the engine when they run native scripts."""
        if not self._common:
            self._common = {
                "path": str(self.folder), "bat_ext": ".sh", "os_info": self.os_info, "recursion_spaces": "",
                "customize_code": self.code, "meta": self.meta, "found_script_tags": self.job["tags"],
                "script_name": "", "verbose": False,
            }  # fmt: skip
        self._common.update(env=self.env, state=self.state)
        return self._common

    def call(self, name: str, **more: Any) -> dict[str, Any] | None:
        """Call a function of the script's code; None if it has none."""
        function = getattr(self.code, name, None)
        return None if function is None else checked(function(self.input(**more)), f"{name}()")

    def native(self, name: str = "", env: dict[str, Any] | None = None) -> bool:
        """Run a native script of the folder and read what it wrote; False if there is none."""
        env = self.env if env is None else env
        named = name or str(self.meta.get("script_name", ""))
        path = script_file(env, self.folder, named or "run", self.prefix)
        env[f"{self.prefix}TMP_CURRENT_SCRIPT_PATH"] = str(self.folder)
        Path(STATE_FILE).write_text(json.dumps(self.state, indent=2, default=str), encoding="utf-8")
        if not path.is_file():
            if named:
                raise Failed(f"{path} is missing", 16)
            return False
        for written in (RUN_STATE, RUN_ENV):
            Path(written).unlink(missing_ok=True)
        status = run_native(path, env, self.state, self.job["literal"])
        if status and not self.job["input"].get("ignore_script_error"):
            self._print_files()
            raise Failed(f"{path.name} ended with status {status}", _NATIVE_FAILED)
        if Path(RUN_STATE).is_file():
            merge(self.state, json.loads(Path(RUN_STATE).read_text(encoding="utf-8")))
        if Path(RUN_ENV).is_file():
            lines = Path(RUN_ENV).read_text(encoding="utf-8", errors="replace").splitlines()
            merge(env, dict(line.split("=", 1) for line in map(str.strip, lines) if "=" in line))
        return True

    def _print_files(self) -> None:
        for name in self.meta.get("print_files_if_script_error", []):
            if Path(name).is_file():
                print(f"{name}:\n{Path(name).read_text(encoding='utf-8', errors='replace')}")

    def changes(self) -> dict[str, Any]:
        """Return what the script has changed so far, for the run."""
        return {
            "env": {key: value for key, value in self.env.items() if self._given.get(key, ...) != value},
            "removed": [key for key in self._given if key not in self.env],
            "state": {key: value for key, value in self.state.items() if self._given_state.get(key, ...) != value},
        }

    def dependencies(self, phase: str) -> None:
        """Run the dependencies of a phase, and take their exports over."""
        if phase in self.job["phases"]:
            request = {"ask": "dependencies", "phase": phase, "overrides": self._overrides}
            self.take(self.channel.ask({**request, **self.changes()}))

    def override(self, overrides: dict[str, Any]) -> None:
        """Change dependencies that have yet to run, by name."""
        for name, fields in overrides.items():
            merge(self._overrides.setdefault(name, {}), fields)

    def take(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Take over the exports in a reply."""
        self.env.update(reply.get("env", {}))
        self.state.update(reply.get("state", {}))
        return reply

    def map_keys(self) -> None:
        """Copy keys to further names, as the manifest's env_key_mappings says."""
        for start, other in self.meta.get("env_key_mappings", {}).items():
            for key in [key for key in self.env if key.startswith(start)]:
                self.env[key.replace(start, other)] = self.env[key]

    def set_pip_version(self) -> None:
        """Set the version's condition in pip's form."""
        exact, low, high = (str(self.env.get(f"{self.prefix}VERSION{end}", "")) for end in ("", "_MIN", "_MAX"))
        bounds = [f">={low}"] * bool(low) + [f"<={high}"] * bool(high)
        self.env[f"{self.prefix}TMP_PIP_VERSION_STRING"] = f"=={exact}" if exact else ",".join(bounds)


def run_script(channel: Channel) -> None:
    """Run the script that the run describes, and report its exports.

    Raises:
        Failed: its code, its native script, or the import of its code failed.
    """
    job = channel.ask({"ask": "start"})
    script = Script(channel, job)
    modules.install(script.automation, script.prefix)
    script.env[f"{script.prefix}QUIET"] = "yes"
    script.env[f"{script.prefix}TMP_CURRENT_PATH"] = job["current_path"]
    fill_in(script.env)
    script.set_pip_version()
    try:
        script.load()
        skipped = _phases(script)
    except (Failed, SystemExit):
        raise
    except Exception as error:
        traceback.print_exc()
        raise Failed(f"{type(error).__name__}: {error}") from error
    merge(script.env, dict(job["const"]))
    env, state = (
        ({}, {}) if skipped else (chosen(script.env, job["exports"]), chosen(script.state, job["state_exports"]))
    )
    channel.ask({"ask": "done", "env": env, "state": state, "skipped": skipped})


def _phases(script: Script) -> bool:
    """Run the script's phases; return whether it has skipped itself."""
    merge(script.env, copy.deepcopy(script.job["const"]))
    result = script.call("preprocess") or {}
    if result.get("skip"):
        other = result.get("script")
        if other:
            request = {"action": "run", "automation": "script", **other}
            result = checked(script.automation.cmind.access(request), "another script")
            script.env.update(result["new_env"])
            script.state.update(result["new_state"])
        return not other
    script.dependencies("prehook")
    script.map_keys()
    script.native()
    script.dependencies("posthook")
    script.call("postprocess")
    script.dependencies("post")
    return False
