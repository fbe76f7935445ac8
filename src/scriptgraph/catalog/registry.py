"""All scripts of some CM repositories: found by folder, selected by tags."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.catalog.entries import Catalogue, Shelf, catalogue_of
from scriptgraph.catalog.index import Found, read_scripts
from scriptgraph.errors import (
    AmbiguousScriptError,
    ManifestError,
    NoScriptError,
    nearest,
)
from scriptgraph.manifest.head import MANIFEST_NAMES, head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from scriptgraph.manifest.tags import Query
    from scriptgraph.manifest.types import Manifest


class Registry:
    """Scripts by alias and by tag; the order of discovery never matters.

    A manifest is decoded when its script is selected, so that a broken one stops only what needs it.
    """

    def __init__(self, scripts: Found | Iterable[Manifest], look_again: Callable[[], Found] | None = None) -> None:
        """Take scripts that were found, or that are here.

        Args:
            scripts: what was found, or decoded manifests.
            look_again: looks at every manifest; needed where what was found is not known to be true of all.
        """
        found = scripts if isinstance(scripts, Found) else Found(_catalogue_of(tuple(scripts)))
        self._catalogue, self._current, self._look_again = found.catalogue, found.current, look_again
        self._chosen: dict[str, Manifest] = {}

    def __iter__(self) -> Iterator[Manifest]:
        """Give every script, by alias, without those whose manifests are broken."""
        self._see_all()
        return self._decoded(range(len(self)))

    def __len__(self) -> int:
        self._see_all()
        return len(self._catalogue)

    def select(self, query: Query) -> Manifest:
        """Give the one script that has all required tags and no excluded one.

        Where several fit, the one whose tags are exactly those asked for wins.

        Raises:
            NoScriptError: none fits; names the unknown tags and the closest scripts.
            AmbiguousScriptError: several fit.
            ManifestError: the one that fits has a broken manifest.
        """
        # A plan of many models asks for the same scripts hundreds of times.
        if query.text not in self._chosen:
            self._chosen[query.text] = self._select(query)
        return self._chosen[query.text]

    def _select(self, query: Query) -> Manifest:
        if self._current is not None:
            with suppress(NoScriptError, AmbiguousScriptError):
                number = self._selected(query)
                if self._current(number):
                    return self._catalogue.manifest(number)
            self._see_all()
        return self._catalogue.manifest(self._selected(query))

    def _see_all(self) -> None:
        """Compare every manifest with what is known, unless that was done."""
        if self._current is not None and self._look_again is not None:
            self._catalogue, self._current = self._look_again().catalogue, None
            self._chosen = {}

    def _selected(self, query: Query) -> int:
        matches = self._matches(query)
        if len(matches) > 1:
            heads = {number: self._catalogue.head(number) for number in matches}
            exact = [number for number, head in heads.items() if set(head.tags) == set(query.required)]
            matches = exact or matches
            if len(matches) > 1:
                raise AmbiguousScriptError(query.text, sorted(heads[number].alias for number in matches))
        if not matches:
            raise self._no_script(query)
        return matches[0]

    def candidates(self, tags: Iterable[str]) -> Iterator[Manifest]:
        """Give every script that has all these tags, by alias, without those whose manifests are broken."""
        self._see_all()
        return self._decoded(self._having(tags))

    def problems(self) -> Iterator[ManifestError]:
        """Say of each broken manifest what is wrong."""
        self._see_all()
        return self._problems(range(len(self)))

    def _decoded(self, numbers: Iterable[int]) -> Iterator[Manifest]:
        found = []
        for number in numbers:
            with suppress(ManifestError):
                found.append(self._catalogue.manifest(number))
        return iter(sorted(found, key=lambda manifest: manifest.alias))

    def _problems(self, numbers: Iterable[int]) -> Iterator[ManifestError]:
        return (problem for number in numbers if (problem := self._problem(number)))

    def _problem(self, number: int) -> ManifestError | None:
        try:
            self._catalogue.manifest(number)
        except ManifestError as error:
            return error
        return None

    def _having(self, words: Iterable[str]) -> frozenset[int]:
        wanted = tuple(words)
        return self._catalogue.having(wanted) if wanted else frozenset(range(len(self)))

    def _matches(self, query: Query) -> list[int]:
        if not query.required:
            return []
        fitting = self._having(query.required)
        for tag in query.excluded:
            fitting -= self._catalogue.numbers(tag)
        # A manifest that does not say how it is found gives way to one that does.
        return sorted((fitting - self._catalogue.unsound) or fitting)

    def _no_script(self, query: Query) -> NoScriptError:
        catalogue = self._catalogue
        unknown = [tag for tag in query.required if not catalogue.numbers(tag)]
        hints = [hint for tag in unknown for hint in nearest(tag, catalogue.all_words(), 1)]
        wanted = {*query.required, *hints}
        heads = [catalogue.head(number) for number in range(len(self))]
        scored = sorted((-len(wanted & {*head.tags, head.alias}), head.alias, head.tags) for head in heads)
        closest = [f"{alias} ({','.join(tags)})" for score, alias, tags in scored[:3] if score]
        return NoScriptError(query.text, unknown, closest, hints, self._unsound())

    def _unsound(self) -> list[str]:
        """Say of each manifest that does not say how it is found what is wrong: it may be the one that is wanted."""
        return [str(error) for error in self._problems(sorted(self._catalogue.unsound))]


def load_registry(roots: Sequence[Path], index: Path | None = None, *, keep: bool = True) -> Registry:
    """Find the manifests below each repository's `script/` folder.

    Args:
        roots: the repositories.
        index: the folder in which what is found is kept for the next start; None to keep nothing.
        keep: whether that folder may be written to.

    Raises:
        ManifestError: two scripts share an alias.
    """
    folders = dict.fromkeys(root.resolve() / "script" for root in roots)
    look = partial(read_scripts, sorted(folders), index, keep=keep)
    return Registry(look(whole=False), look)


def _catalogue_of(manifests: Sequence[Manifest]) -> Catalogue:
    shelves = [Shelf(str(manifest.folder), MANIFEST_NAMES[:1]) for manifest in manifests]
    return catalogue_of(shelves, [head_of(manifest) for manifest in manifests], dict(enumerate(manifests)))
