"""`cm ... script`: passes every action to scriptgraph, the engine of the installed package."""

from __future__ import annotations

from typing import Any

from cmind.automation import Automation


class CAutomation(Automation):  # type: ignore[misc]  # cmind ships no types
    """The actions of `cm <action> script`."""

    def __init__(self, cmind: Any, automation_file: str) -> None:  # noqa: ARG002 - the signature that cmind calls
        super().__init__(cmind, __file__)

    def run(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run the script selected by tags after its dependencies."""
        return _answer("run", i)

    def search(self, i: dict[str, Any]) -> dict[str, Any]:
        """List scripts: find, list and ls are the same."""
        if i.get("out", "") is None:  # a look-up by an action of cmind (load, copy, ...)
            return dict(super().search(i))
        return _answer("find", i)

    def show(self, i: dict[str, Any]) -> dict[str, Any]:
        """Show a script: options, variations, dependencies, exports, cache."""
        return _answer("show", i)

    def add(self, i: dict[str, Any]) -> dict[str, Any]:
        """Add a script that runs, in the repository `local` or in a registered one."""
        if i.get("out", "") is None or "meta" in i:  # an addition by an action of cmind
            return dict(super().add(i))
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - cmind loads this file for every command

        return ENGINE.add_script(i, super().add)

    def delete(self, i: dict[str, Any]) -> dict[str, Any]:
        """Delete a script's folder with cmind's action; without a terminal, only with -f."""
        if i.get("out", "") is None:  # a deletion by an action of cmind
            return dict(super().delete(i))
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - cmind loads this file for every command

        return ENGINE.remove_script(i, super().delete)

    def completion(self, i: dict[str, Any]) -> dict[str, Any]:
        """Print the shell function that completes command lines."""
        return _answer("completion", i)

    def convert(self, i: dict[str, Any]) -> dict[str, Any]:
        """Show how scripts of 2023 are written in our form."""
        return _answer("convert", i)

    def replay(self, i: dict[str, Any]) -> dict[str, Any]:
        """Repeat the request of a record and show the differences."""
        return _answer("replay", i)

    def docker(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run a script in a container, by Docker or podman."""
        return _answer("docker", i)

    def podman(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run a script in a container, by podman."""
        return _answer("podman", i)


def _answer(action: str, command: dict[str, Any]) -> dict[str, Any]:
    from mlperf_home.actions import answer  # noqa: PLC0415 - cmind loads this file for every command

    return answer(action, "script", command)
