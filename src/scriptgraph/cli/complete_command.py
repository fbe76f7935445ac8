"""`cm completion script`: the text that a shell reads, and the words that complete a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.commands.completion import Completion, Sources, shell_function
from scriptgraph.cli.script_commands import options_to_help
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
    """Return the lines to print: words that complete the line after `--`, or the shell's text where there is none.

    Raise RequestError for a shell that is not served.
    """
    if not arguments.rest:
        return shell_function(arguments.word).splitlines()

    def registry() -> Registry:
        return load_registry(roots, product.home / "index", keep=False)

    sources = Sources(
        tags=lambda tags: registry().tags_beside(tags),
        variations=lambda tags: {f"_{name}" for each in registry().candidates(tags) for name in each.variations},
        options=lambda tags: options_to_help(parse_query(tags), registry()),
        names=names,
    )
    return Completion(commands, sources).complete(arguments.rest[0])
