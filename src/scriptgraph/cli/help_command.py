"""`--help`: the options of a command and of its subject, such as a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.decoder import subject_of
from scriptgraph.cli.commands.help import help_text
from scriptgraph.cli.lists.script_commands import options_to_help
from scriptgraph.manifest.queries import parse_query
from scriptgraph.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.help import Groups
    from scriptgraph.cli.commands.table import Command


def show_help(
    command: Command,
    cmind_input: Mapping[str, Any],
    load: Callable[[], Registry],
    options: Callable[[str], Groups] | None = None,
) -> dict[str, Any]:
    """Show a command's help on the console, and suppress cmind's own.

    `options` returns the option groups of the command's subject; by default the subject is a script.

    Raises:
        ScriptGraphError: the subject does not exist.
    """
    subject = subject_of(command, cmind_input) if command.open_to else ""
    if not subject:
        groups: Groups = ()
    elif options:
        groups = options(subject)
    else:
        groups = options_to_help(parse_query(subject), load())
    text = help_text(command, groups)
    if cmind_input.get("out") in {"con", "console"}:
        print(printable(text))
    return {"help": text, "skip_delayed_help": True}
