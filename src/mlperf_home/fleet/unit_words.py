"""The words of a fleet's command: `cm` commands alone, the same on each machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.fleet.machines import FleetMachine

_PROGRAMS = ("cm", "cmr", "mlperf-home")
_FORMS = {"--out", "--json", "-j"}
_RUNS = (("run", "script"), ("run", "challenge"), ("run", "experiment"), ("docker", "script"), ("podman", "script"))


class FleetCommandError(LocatedError):
    """A fleet cannot run this command."""


def plain_words(command: Sequence[str]) -> tuple[str, ...]:
    """Return the words after `cm`, without those that choose the form of the answer.

    Raises:
        FleetCommandError: it is no command of cm that measures, or it names a home folder.
    """
    text = " ".join(command)
    if not command:
        advice = "write it after --, as in -- cm run script --tags=detect,cpu"
        raise FleetCommandError("the fleet", "has no command", advice)
    words = [each for each in command[1:] if each.partition("=")[0] not in _FORMS]
    if command[0].rpartition("/")[2] not in _PROGRAMS or tuple(words[:2]) not in _RUNS:
        runs = ", ".join(f"cm {' '.join(each)}" for each in _RUNS)
        raise FleetCommandError(text, "is no command that a fleet runs", f"use one of {runs}")
    for name in ("--home", "--cache_dir", "--cache-dir"):
        if any(each.partition("=")[0] == name for each in words):
            raise FleetCommandError(text, f"has {name}", "leave it out: each unit has a home of its own on its machine")
    return tuple(words)


def words_on(machine: FleetMachine, words: Sequence[str]) -> tuple[str, ...]:
    """Return the words for a machine: with a container, `docker script` or `podman script` for `run script`."""
    if machine.container and tuple(words[:2]) == ("run", "script"):
        return (machine.container, "script", *words[2:])
    return tuple(words)
