"""All scripts that commands know: those of repositories, and of other people's collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.catalog.registry import load_registry
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scriptgraph.cache.store import Cache
    from scriptgraph.catalog.collections import Collection, Reader
    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.execution.context import Context
    from scriptgraph.execution.nested import Nested, RunForeign
    from scriptgraph.manifest.text import Head
    from scriptgraph.manifest.types import Manifest, Values
    from scriptgraph.planning.plan import Step


class _LateReader(Immutable):
    """The reader of a collection, imported when a manifest has to be read: the index has the heads of all."""

    name: str

    @property
    def _reader(self) -> Reader:
        from scriptgraph.compat.reader import CollectionReader  # noqa: PLC0415 - as above

        return CollectionReader(self.name)

    def head(self, path: Path) -> Head:
        """Read the head of a manifest."""
        return self._reader.head(path)

    def manifest(self, text: str, path: Path) -> Manifest:
        """Decode a manifest."""
        return self._reader.manifest(text, path)


def load_scripts(found: Repositories, index: Path | None = None, *, keep: bool = True) -> Registry:
    """Return the registry of all scripts; `index` and `keep` as in `load_registry`."""
    if not found.collections:
        return load_registry(found.roots, index, keep=keep)
    readers = {each.scripts: _LateReader(each.name) for each in found.collections}
    return load_registry(found.roots, index, readers, keep=keep)


def aliases_in(cache: Cache) -> frozenset[str]:
    """Return the aliases of the scripts that have entries in a cache."""
    from scriptgraph.cache.contents import read_entries  # noqa: PLC0415 - few requests match several scripts

    return frozenset(each.title.partition(",")[0] for each in read_entries(cache))


def foreign_runner(collections: Sequence[Collection]) -> RunForeign:
    """Return the function that runs scripts of collections."""

    def run(step: Step, context: Context, nested: Nested) -> Values:
        from scriptgraph.compat.adapter import Adapter  # noqa: PLC0415 - most commands run no script of a collection

        return Adapter(each.name for each in collections if each.trusted)(step, context, nested)

    return run
