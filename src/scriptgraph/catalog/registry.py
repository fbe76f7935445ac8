"""All scripts of some CM repositories: found by folder, selected by tags."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.catalog.entries import Catalogue, Shelf, catalogue_of
from scriptgraph.catalog.index import read_scripts
from scriptgraph.errors import AmbiguousScriptError, ManifestError, NoScriptError, nearest
from scriptgraph.manifest.text import MANIFEST_NAMES, head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Manifest


class Registry:
    """Scripts by alias and by tag; the order of discovery never matters.

    A manifest is decoded when its script is selected, so that a broken one stops only what needs it.
    """

    def __init__(
        self, scripts: Catalogue | Iterable[Manifest], look_again: Callable[[], Catalogue] | None = None
    ) -> None:
        """Take a catalogue, or decoded manifests.

        `look_again` looks at every manifest; needed where the catalogue has not compared all.
        """
        if not isinstance(scripts, Catalogue):
            manifests = tuple(scripts)
            shelves = [Shelf(str(manifest.folder), MANIFEST_NAMES[:1]) for manifest in manifests]
            scripts = catalogue_of(shelves, list(map(head_of, manifests)), dict(enumerate(manifests)))
        self._catalogue = scripts
        self._look_again = look_again
        self._chosen: dict[str, Manifest] = {}

    def __iter__(self) -> Iterator[Manifest]:
        """Yield every script, by alias, without those whose manifests are broken."""
        return self.candidates(())

    def __len__(self) -> int:
        self._see_all()
        return len(self._catalogue)

    def select(self, query: Query) -> Manifest:
        """Return the one script that has all required tags and no excluded one.

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
        if not self._catalogue.compared:
            with suppress(NoScriptError, AmbiguousScriptError):
                number = self._selected(query)
                if self._catalogue.current(number):
                    return self._catalogue.manifest(number)
            self._see_all()
        return self._catalogue.manifest(self._selected(query))

    def _see_all(self) -> None:
        """Compare every manifest with what is known, unless that was done."""
        if not self._catalogue.compared and self._look_again is not None:
            self._catalogue = self._look_again()
            self._chosen = {}

    def _selected(self, query: Query) -> int:
        fitting = self._having(query.required) if query.required else frozenset()
        for tag in query.excluded:
            fitting -= self._catalogue.numbers(tag)
        # A manifest that does not say how it is found gives way to one that does.
        matches = sorted((fitting - self._catalogue.unsound) or fitting)
        if len(matches) > 1:
            heads = {number: self._catalogue.head(number) for number in matches}
            exact = [number for number, head in heads.items() if set(head.tags) == set(query.required)]
            matches = exact or matches
            if len(matches) > 1:
                raise AmbiguousScriptError(query.text, sorted(heads[number].alias for number in matches))
        if not matches:
            unknown = [tag for tag in query.required if not self._catalogue.numbers(tag)]
            raise self.no_script(query, unknown, self._catalogue.all_words())
        return matches[0]

    def candidates(self, tags: Iterable[str]) -> Iterator[Manifest]:
        """Yield every script that has all these tags, by alias, without those whose manifests are broken."""
        self._see_all()
        found = [each for each in map(self._read, self._having(tags)) if not isinstance(each, ManifestError)]
        return iter(sorted(found, key=lambda manifest: manifest.alias))

    def tags_beside(self, tags: Iterable[str]) -> frozenset[str]:
        """Return every tag of the scripts that have all these tags; no manifest is decoded."""
        heads = map(self._catalogue.head, self._having(tags))
        return frozenset(tag for head in heads for tag in head.tags)

    def problems(self) -> Iterator[ManifestError]:
        """Yield what is wrong with each broken manifest."""
        self._see_all()
        return (each for each in map(self._read, range(len(self))) if isinstance(each, ManifestError))

    def _read(self, number: int) -> Manifest | ManifestError:
        try:
            return self._catalogue.manifest(number)
        except ManifestError as error:
            return error

    def _having(self, words: Iterable[str]) -> frozenset[int]:
        wanted = tuple(words)
        return self._catalogue.having(wanted) if wanted else frozenset(range(len(self)))

    def no_script(self, query: Query, unknown: Sequence[str], known: Iterable[str]) -> NoScriptError:
        """Describe a query that no script fits, with the nearest known words and the scripts that have most of them.

        `unknown` are the query's words that no script has, `known` those that some have.
        """
        words = frozenset(known)
        hints = [hint for word in unknown for hint in nearest(word, words, 1)]
        wanted = {*query.required, *hints}
        heads = map(self._catalogue.head, range(len(self)))
        scored = sorted((-len(wanted & head.words), head.alias, head.tags) for head in heads)
        closest = [f"{alias} ({','.join(tags)})" for score, alias, tags in scored[:3] if score]
        # A manifest that does not say how it is found may be the one that is meant.
        unsound = map(self._read, sorted(self._catalogue.unsound))
        broken = [str(each) for each in unsound if isinstance(each, ManifestError)]
        return NoScriptError(query.text, unknown, closest, hints, broken)


def load_registry(roots: Sequence[Path], index: Path | None = None, *, keep: bool = True) -> Registry:
    """Find the manifests below each repository's `script/` folder.

    What is found is kept in the folder `index` for the next start; without `keep`, that is read and not written.

    Raises:
        ManifestError: two scripts share an alias.
    """
    folders = dict.fromkeys(root.resolve() / "script" for root in roots)
    look = partial(read_scripts, sorted(folders), index, keep=keep)
    return Registry(look(whole=False), look)
