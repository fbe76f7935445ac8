"""The tables of options of `cm ... result`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.artifact_commands import artifact_command
from scriptgraph.embed import PLACES, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.embed import Command

_NAME = "=NAME"


def result_command(action: str) -> Command:
    """Return the table of `cm ACTION result`."""
    return _TABLES[action]()


def result_commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    return tuple(make() for make in _TABLES.values())


def show_command() -> Command:
    """Return the table of `cm show result`."""
    options = (
        *_conditions(),
        Option("all", "switch", "show each result, not only the best of each model"),
        Option("pareto", "switch", "show the Pareto front: the results that no other dominates"),
        Option("published", "switch", "show published results beside them"),
        Option("csv", "text", "also write the shown results as a table; - for standard output", PLACES, "=FILE"),
    )
    summary = "Show the results of this machine: the best of each model, scenario and engine."
    return _command("show", summary, options, "cm show result --pareto --published")


def find_command() -> Command:
    """Return the table of `cm find result`."""
    summary = "List results with their folders; ls and list are the same."
    return _command("find", summary, _conditions(), "cm find result --benchmark=resnet --valid")


def remove_command() -> Command:
    """Return the table of `cm rm result`."""
    options = (*_conditions(), Option("f", "switch", "remove without asking", also=("force",)))
    summary = "Remove folders of results; without a terminal, only with -f."
    command = _command("rm", summary, options, "cm rm result --model=mobilenet_0.50_64_int8 -f")
    return command.replaced(question="which result? write cm rm result RESULT, or --model=NAME")


def _conditions() -> tuple[Option, ...]:
    return (
        Option("benchmark", "text", "of this benchmark; names may have wildcards, such as 'mobilenet*'", value=_NAME),
        Option("model", "text", "of this model", value=_NAME),
        Option("scenario", "text", "of this scenario", value=_NAME),
        Option("system", "text", "of this system or CPU", value=_NAME),
        Option("valid", "switch", "only those that LoadGen calls VALID"),
    )


def _command(action: str, summary: str, options: tuple[Option, ...], example: str) -> Command:
    name = "the same as the word RESULT, a folder that cm find result lists"
    return artifact_command(action, "result", summary, options, example, words="[RESULT]", name=name)


_TABLES: dict[str, Callable[[], Command]] = {"find": find_command, "show": show_command, "rm": remove_command}
