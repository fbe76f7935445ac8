"""The frame of commands on what the home folder holds: results, experiments, fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import (
    PLACES,
    Command,
    Option,
    failing_on,
    home_folders,
    home_option,
    output_options,
    quiet_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scriptgraph.embed import Arguments, RunConsole


def artifact_command(  # noqa: PLR0913 - the parts of a table
    action: str,
    automation: str,
    summary: str,
    options: tuple[Option, ...],
    example: str,
    *,
    words: str,
    name: str = "the same as the word NAME",
) -> Command:
    """Return the table of `cm ACTION AUTOMATION`, with the options that all of them have.

    Args:
        action: the action.
        automation: the kind of artifact; its folder is that of the plural.
        summary: the summary.
        options: the command's own options.
        example: a command to copy.
        words: the words after the automation, in the form of a usage line.
        name: the description of the option `--name`.
    """
    folder = f"{automation}s"
    places = (
        home_option(PRODUCT),
        Option(f"{folder}_dir", "path", f"the folder of {folder}", PLACES, "=DIR", f"HOME/{folder}"),
    )
    every = (*options, Option("name", "text", name, PLACES), *places, quiet_option(), *output_options())
    return Command(action, automation, summary, every, example, word="name", words=words)


def artifacts_folder(arguments: Arguments) -> Path:
    """Return the folder of a command's artifacts."""
    folder = f"{arguments.command.automation}s"
    return arguments.path(f"{folder}_dir") or home_folders(arguments, PRODUCT)[0] / folder


def answer_command(
    table: Command, cmind_input: Mapping[str, Any], function: Callable[[Arguments, RunConsole], dict[str, Any]]
) -> dict[str, Any]:
    """Run a command; an input that cannot be used is an error of one line.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; other keys hold the outcome.
    """

    def run_action(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return function(arguments, console)

    return ENGINE.answer(table, cmind_input, run_action)
