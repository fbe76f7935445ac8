"""The tables of options of `cm ... fleet`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.product import PRODUCT
from scriptgraph.embed import PLACES, Command, Option, home_option, output_options, quiet_option

if TYPE_CHECKING:
    from collections.abc import Callable


def fleet_command(action: str) -> Command:
    """Return the table of `cm ACTION fleet`."""
    return _TABLES[action]()


def fleet_commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    return tuple(make() for make in _TABLES.values())


def show_command() -> Command:
    """Return the table of `cm show fleet`."""
    options = (Option("all", "switch", "show each unit, also of a fleet with many"),)
    return _command("show", "Show a fleet: what runs where, since when, what is left, what failed.", options)


def find_command() -> Command:
    """Return the table of `cm find fleet`."""
    return _command("find", "List fleets; ls and list are the same.", ())


def _command(action: str, summary: str, options: tuple[Option, ...]) -> Command:
    places = (home_option(PRODUCT), Option("fleets_dir", "path", "the folder of fleets", PLACES, "=DIR", "HOME/fleets"))
    name = Option("name", "text", "the same as the word NAME", PLACES)
    every = (*options, name, *places, quiet_option(), *output_options())
    words = "[NAME]" if action == "show" else ""
    return Command(action, "fleet", summary, every, f"cm {action} fleet", word="name", words=words)


_TABLES: dict[str, Callable[[], Command]] = {"find": find_command, "show": show_command}
