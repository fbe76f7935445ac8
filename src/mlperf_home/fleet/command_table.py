"""The tables of options of `cm ... fleet`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.artifact_commands import artifact_command
from scriptgraph.embed import Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.embed import Command


def fleet_command(action: str) -> Command:
    """Return the table of `cm ACTION fleet`."""
    return _TABLES[action]()


def fleet_commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    return tuple(make() for make in _TABLES.values())


def show_command() -> Command:
    """Return the table of `cm show fleet`."""
    options = (Option("all", "switch", "show each unit, also of a fleet with many"),)
    summary = "Show a fleet: what runs where, since when, what is left, what failed."
    return artifact_command("show", "fleet", summary, options, "cm show fleet", words="[NAME]")


def find_command() -> Command:
    """Return the table of `cm find fleet`."""
    return artifact_command("find", "fleet", "List fleets; ls and list are the same.", (), "cm find fleet", words="")


_TABLES: dict[str, Callable[[], Command]] = {"find": find_command, "show": show_command}
