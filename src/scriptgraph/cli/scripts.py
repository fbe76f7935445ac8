"""All scripts that commands know: those of repositories, and of other people's collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.catalog.registry import load_registry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scriptgraph.cache.store import Cache
    from scriptgraph.catalog.collections import Collection
    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.execution.nested import RunForeign


def load_scripts(found: Repositories, index: Path | None = None, *, keep: bool = True) -> Registry:
    """Return the registry of all scripts; `index` and `keep` as in `load_registry`."""
    if not found.collections:
        return load_registry(found.roots, index, keep=keep)
    from scriptgraph.compat.reader import CollectionReader  # noqa: PLC0415 - most homes have no collection

    readers = {each.scripts: CollectionReader(each.name) for each in found.collections}
    return load_registry(found.roots, index, readers, keep=keep)


def aliases_in(cache: Cache) -> frozenset[str]:
    """Return the aliases of the scripts that have entries in a cache."""
    from scriptgraph.cache.contents import read_entries  # noqa: PLC0415 - few requests match several scripts

    return frozenset(each.title.partition(",")[0] for each in read_entries(cache))


def foreign_runner(collections: Sequence[Collection]) -> RunForeign:
    """Return the function that runs scripts of collections."""
    from scriptgraph.compat.adapter import Adapter  # noqa: PLC0415 - as above

    return Adapter(each.name for each in collections if each.trusted)
