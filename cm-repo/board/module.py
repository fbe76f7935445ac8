"""`cm ... board`: passes every action to the installed package."""

from __future__ import annotations

from typing import Any

from cmind.automation import Automation


class CAutomation(Automation):  # type: ignore[misc]  # cmind ships no types
    """The actions of `cm <action> board`."""

    def __init__(self, cmind: Any, automation_file: str) -> None:  # noqa: ARG002 - the signature that cmind calls
        super().__init__(cmind, __file__)

    def show(self, i: dict[str, Any]) -> dict[str, Any]:
        """Show a board: the ranking, the front, states with reasons."""
        from mlperf_home.leaderboard.commands import answer  # noqa: PLC0415 - cmind loads this file for every command

        return answer("show", i)
