"""`cm ... fleet`: passes every action to the installed package."""

from __future__ import annotations

from typing import Any

from cmind.automation import Automation


class CAutomation(Automation):  # type: ignore[misc]  # cmind ships no types
    """The actions of `cm <action> fleet`."""

    def __init__(self, cmind: Any, automation_file: str) -> None:  # noqa: ARG002 - the signature that cmind calls
        super().__init__(cmind, __file__)

    def search(self, i: dict[str, Any]) -> dict[str, Any]:
        """List fleets: find, list and ls are the same."""
        if i.get("out", "") is None:  # a look-up by an action of cmind (load, copy, ...)
            return dict(super().search(i))
        return _answer("find", i)

    def show(self, i: dict[str, Any]) -> dict[str, Any]:
        """Show a fleet: what runs where, since when, what is left, what failed."""
        return _answer("show", i)


def _answer(action: str, command: dict[str, Any]) -> dict[str, Any]:
    from mlperf_home.actions import answer  # noqa: PLC0415 - cmind loads this file for every command

    return answer(action, "fleet", command)
