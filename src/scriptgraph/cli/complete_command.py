"""`cm completion script`: the shell's function, and the completions of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.commands.completion import Completion, Lookups, shell_function
from scriptgraph.cli.lists.script_commands import options_to_help
from scriptgraph.manifest.queries import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.commands.table import Command
    from scriptgraph.product import Product


def complete(
    arguments: Arguments,
    commands: Sequence[Command],
    product: Product,
    roots: Sequence[Path],
    names: Callable[[str], Iterable[str]],
) -> list[str]:
    """Return the lines to print: the completions of the line after `--`, or without a line the shell's function.

    Raises:
        RequestError: the shell is not supported.
    """
    if not arguments.rest:
        return shell_function(arguments.word, product.name).splitlines()

    def registry() -> Registry:
        return load_registry(roots, product.home / "index", keep=False)

    lookups = Lookups(
        tags=lambda tags: registry().tags_beside(tags),
        variations=lambda tags: {f"_{name}" for each in registry().candidates(tags) for name in each.variations},
        options=lambda tags: options_to_help(parse_query(tags), registry()),
        names=names,
    )
    return Completion(commands, lookups).complete(arguments.rest[0])
