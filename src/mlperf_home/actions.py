"""The actions of this product, for `cm` and for the program `mlperf-home`."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ActionFunction = Callable[[Mapping[str, Any]], dict[str, Any]]


def answer(action: str, automation: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `cm ACTION AUTOMATION`, one of this product's own commands."""
    function = action_function(action, automation)
    if function is None:
        raise LookupError(f"{action} {automation}")
    return function(command)


_OWN = {
    "challenge": ("challenges", ("run", "replay", "find", "show")),
    "experiment": ("experiments", ("run", "replay", "find", "show", "rm")),
    "result": ("results", ("find", "show", "rm")),
    "board": ("leaderboard", ("show",)),
    "fleet": ("fleet", ("find", "show")),
}
"""The folder and the actions of each automation of this product."""


def action_function(action: str, automation: str) -> ActionFunction | None:
    """Return the function of `cm ACTION AUTOMATION`; None if cmind answers it."""
    if automation == "script":
        return _of_scripts(action)
    if automation == "cache" and action in {"find", "show", "rm"}:
        return partial(ENGINE.list_or_remove, f"{action} cache")
    if (action, automation) == ("rm", "challenge"):
        return _refuse_removal
    folder, actions = _OWN.get(automation, ("", ()))
    if action not in actions:
        return None
    # Most commands need none of these, and they import much.
    commands = import_module(f"mlperf_home.{folder}.commands")
    return partial(commands.answer, action)


def _of_scripts(action: str) -> ActionFunction | None:
    if action in {"find", "show"}:
        return partial(ENGINE.list_or_remove, f"{action} script")
    if action == "completion":
        from mlperf_home.command_line import complete  # noqa: PLC0415 - imports the tables of all commands

        return complete
    functions: dict[str, ActionFunction] = {
        "convert": ENGINE.convert_script,
        "run": ENGINE.run_script,
        "replay": ENGINE.replay_script,
        "docker": partial(ENGINE.container_script, "docker"),
        "podman": partial(ENGINE.container_script, "podman"),
    }
    return functions.get(action)


def _refuse_removal(_command: Mapping[str, Any]) -> dict[str, Any]:
    error = "a challenge is part of its repository, which cm rm repo removes; its runs are folders in --results_dir"
    return {"return": 1, "error": error}
