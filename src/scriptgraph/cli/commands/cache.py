"""The tables of `cm ... cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.cli.commands.table import Command, Option, output_options, place_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.product import Product


def cache_command(action: str, product: Product) -> Command:
    """Return the table of `cm ACTION cache`."""
    return _TABLES[action](product)


def cache_commands(product: Product) -> tuple[Command, ...]:
    """Return the tables of all commands of the cache."""
    return tuple(make(product) for make in _TABLES.values())


def find_command(product: Product) -> Command:
    """Return the table of `cm find cache`."""
    summary = "List cache entries; ls and list are the same."
    return _command(product, "find", summary, (), "cm find cache --tags=download-file")


def show_command(product: Product) -> Command:
    """Return the table of `cm show cache`."""
    options = (Option("verify", "switch", "compare every file with its hash"),)
    return _command(product, "show", "Show all properties of cache entries.", options, "cm show cache --verify")


def remove_command(product: Product) -> Command:
    """Return the table of `cm rm cache`."""
    options = (
        Option("f", "switch", "remove without confirmation", also=("force",)),
        Option("dependants", "switch", "also remove the entries made from these"),
        Option("partial", "switch", "remove unfinished downloads and leftovers of killed runs instead of entries"),
    )
    summary = "Remove cache entries that no run is using; without a terminal, only with -f."
    return _command(product, "rm", summary, options, "cm rm cache --tags=download-file -f")


def _command(product: Product, action: str, summary: str, options: tuple[Option, ...], example: str) -> Command:
    tags = Option("tags", "tags", "entries of scripts with all of these; _NAME and -TAG select as for scripts")
    options = (tags, *options, *place_options(product), *output_options())
    return Command(action, "cache", summary, options, example, word="tags", words="[--tags=TAG,TAG | KEY]")


_TABLES: dict[str, Callable[[Product], Command]] = {"find": find_command, "show": show_command, "rm": remove_command}
