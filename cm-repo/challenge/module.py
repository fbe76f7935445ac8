"""`cm ... challenge`: passes every action to the installed package."""

from __future__ import annotations

from typing import Any

from cmind.automation import Automation


class CAutomation(Automation):  # type: ignore[misc]  # cmind ships no types
    """The actions of `cm <action> challenge`."""

    def __init__(self, cmind: Any, automation_file: str) -> None:  # noqa: ARG002 - the signature that cmind calls
        super().__init__(cmind, __file__)

    def run(self, i: dict[str, Any]) -> dict[str, Any]:
        """Check the machine, run a challenge's workflows, make the report and the bundle."""
        return _answer("run", i)

    def replay(self, i: dict[str, Any]) -> dict[str, Any]:
        """Verify a bundle, run the same workflows again, and compare the results."""
        return _answer("replay", i)

    def search(self, i: dict[str, Any]) -> dict[str, Any]:
        """List challenges: find, list and ls are the same."""
        if i.get("out", "") is None:  # a look-up by an action of cmind (load, copy, ...)
            return dict(super().search(i))
        return _answer("find", i)

    def show(self, i: dict[str, Any]) -> dict[str, Any]:
        """Show a challenge: dates, rules, workflows and requirements."""
        return _answer("show", i)

    def delete(self, i: dict[str, Any]) -> dict[str, Any]:
        """Refuse: a challenge belongs to its repository, and its runs are in results_dir."""
        return _answer("rm", i)


def _answer(action: str, command: dict[str, Any]) -> dict[str, Any]:
    from mlperf_home.actions import answer  # noqa: PLC0415 - cmind loads this file for every command

    return answer(action, "challenge", command)
