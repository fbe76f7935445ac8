"""`cm find` and `show` of scripts, and `find`, `show` and `rm` of the cache: their tables and functions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cache import cache_command
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.lists.cache_commands import find_cache, remove_cache, show_cache
from scriptgraph.cli.lists.script_commands import find_script, show_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.commands.table import Command
    from scriptgraph.product import Product

    ListFunction = Callable[[Arguments], dict[str, Any]]


def list_command(name: str, product: Product, load: Callable[[], Registry]) -> tuple[Command, ListFunction]:
    """Return the table and the function of a command such as "find script"."""
    action, automation = name.split()
    if automation == "script":
        return script_command(action, product), partial(_SCRIPTS[action], load=load)
    return cache_command(action, product), partial(_CACHE[action], product=product)


_SCRIPTS = {"find": find_script, "show": show_script}
_CACHE = {"find": find_cache, "show": show_cache, "rm": remove_cache}
