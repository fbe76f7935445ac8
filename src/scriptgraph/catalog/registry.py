"""The registry of all scripts of CM repositories: discovered by folder, selected by tags."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.catalog.entries import Catalogue, ScriptFolder, build_catalogue
from scriptgraph.catalog.index import read_catalogue
from scriptgraph.errors import AmbiguousScriptError, ManifestError, NoScriptError, nearest
from scriptgraph.manifest.text import MANIFEST_NAMES, head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.catalog.collections import Reader
    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Manifest


class Registry:
    """Scripts by alias and tag; the order of discovery never matters.

    Manifests are decoded when their scripts are selected, so that a broken one stops only the plans that need it.

    Attributes:
        made: returns the aliases of the scripts that have entries in the cache; of several scripts of a collection
            that match, these go first.
    """

    made: Callable[[], frozenset[str]] = staticmethod(frozenset)

    def __init__(self, scripts: Catalogue | Iterable[Manifest], rescan: Callable[[], Catalogue] | None = None) -> None:
        """Take a catalogue or decoded manifests.

        `rescan` compares every manifest; it is required for a catalogue that has not.
        """
        if not isinstance(scripts, Catalogue):
            manifests = tuple(scripts)
            folders = [ScriptFolder(str(manifest.folder), MANIFEST_NAMES[:1]) for manifest in manifests]
            scripts = build_catalogue(folders, list(map(head_of, manifests)), dict(enumerate(manifests)))
        self._catalogue = scripts
        self._rescan = rescan
        self._chosen: dict[tuple[str, Path | None], Manifest] = {}

    def __iter__(self) -> Iterator[Manifest]:
        """Yield every script with a valid manifest, sorted by alias."""
        return self.candidates(())

    def __len__(self) -> int:
        self._see_all()
        return len(self._catalogue)

    def select(self, query: Query, near: Path | None = None) -> Manifest:
        """Return the one script that has all required tags and no excluded one.

        Of several matches, those in the folder `near` win, then those with a required word as their alias or UID, then
        those with exactly the required tags besides their alias.

        Args:
            query: the tags.
            near: the `script/` folder of the repository whose script or challenge asks; None for a user's request.

        Raises:
            NoScriptError: no script matches; names the unknown tags and the closest scripts.
            AmbiguousScriptError: several scripts match.
            ManifestError: the matching script has a broken manifest.
        """
        # A plan of many models selects the same scripts hundreds of times.
        key = (query.text, near)
        if key not in self._chosen:
            self._chosen[key] = self._select(query, near)
        return self._chosen[key]

    def _select(self, query: Query, near: Path | None) -> Manifest:
        if not self._catalogue.compared:
            with suppress(NoScriptError, AmbiguousScriptError):
                number = self._selected(query, near)
                if self._catalogue.current(number):
                    return self._catalogue.manifest(number)
            self._see_all()
        return self._catalogue.manifest(self._selected(query, near))

    def _see_all(self) -> None:
        """Compare every manifest with the catalogue, unless that is done."""
        if not self._catalogue.compared and self._rescan is not None:
            self._catalogue = self._rescan()
            self._chosen = {}

    def _selected(self, query: Query, near: Path | None) -> int:
        matching = self._numbers(query.required) if query.required else frozenset()
        for tag in query.excluded:
            matching -= self._catalogue.numbers(tag)
        # A manifest with a readable head goes before those without.
        matches = self._nearest(matching - self._catalogue.unsound or matching, near)
        if query.collection:
            matches = [number for number in matches if self._catalogue.collection(number) == query.collection]
        if self._catalogue.readers and matches:
            matches = self._of_one_kind(query, matches)
        if len(matches) > 1:
            heads, required = {number: self._catalogue.head(number) for number in matches}, set(query.required)
            named = [number for number in matches if not required.isdisjoint(heads[number][:2])]
            # A script's alias is one of its own tags, which a request by tags does not name.
            exact = [number for number in matches if set(heads[number].tags) - {heads[number].alias} == required]
            matches = named or exact or matches
            if len(matches) > 1:
                raise self._ambiguous_error(query, matches)
        if not matches:
            unknown = [tag for tag in query.required if not self._catalogue.numbers(tag)]
            raise self.no_script_error(query, unknown, self._catalogue.all_words())
        return matches[0]

    def _nearest(self, matching: Iterable[int], near: Path | None) -> list[int]:
        """Return the matches within the folder `near`; all if none is there."""
        matches = sorted(matching)
        own = near and [number for number in matches if self._catalogue.path(number).parent.parent == near]
        return own or matches

    def _of_one_kind(self, query: Query, matches: list[int]) -> list[int]:
        """Return the matches outside collections, or else one of a collection, chosen as in 2023 without questions.

        A script that has an entry in the cache goes first, then the lowest `sort`, then the first by path.
        """
        ours = [number for number in matches if not self._catalogue.collection(number)]
        if ours or len(matches) == 1:
            return ours or matches
        found = {number: each for number in matches if not isinstance(each := self._read(number), ManifestError)}
        fitting = [number for number, each in found.items() if has_variations(each, query)] or list(found)
        made = self.made() if len(fitting) > 1 else frozenset()
        key = {
            number: (each.alias not in made, each.foreign.sort if each.foreign else 0, each.place)
            for number, each in found.items()
        }
        return sorted(fitting, key=key.__getitem__)[:1] or matches

    def also_in_collections(self, query: Query) -> list[str]:
        """Return the scripts of collections that a query fits too, as NAME:ALIAS."""
        if not self._catalogue.readers or query.collection or not query.required:
            return []
        numbers = self._numbers(query.required).difference(*map(self._catalogue.numbers, query.excluded))
        of = {number: self._catalogue.collection(number) for number in sorted(numbers)}
        return [f"{name}:{self._catalogue.head(number).alias}" for number, name in of.items() if name]

    def _ambiguous_error(self, query: Query, matches: Iterable[int]) -> AmbiguousScriptError:
        found = ((self._catalogue.head(number), self._catalogue.path(number).parent) for number in matches)
        return AmbiguousScriptError(query.text, sorted((head.alias, head.uid, folder) for head, folder in found))

    def candidates(self, tags: Iterable[str], near: Path | None = None) -> Iterator[Manifest]:
        """Yield every script with all these tags and a valid manifest, sorted by alias; `near` as in `select`."""
        self._see_all()
        numbers = self._nearest(self._numbers(tags), near)
        found = [each for each in map(self._read, numbers) if not isinstance(each, ManifestError)]
        return iter(sorted(found, key=lambda manifest: manifest.alias))

    def tags_beside(self, tags: Iterable[str]) -> frozenset[str]:
        """Return every tag of the scripts with all these tags, without decoding manifests."""
        heads = map(self._catalogue.head, self._numbers(tags))
        return frozenset(tag for head in heads for tag in head.tags)

    def unreadable(self) -> list[ManifestError]:
        """Return the errors of the manifests that no query can find, because their heads cannot be read."""
        found = map(self._read, sorted(self._catalogue.unsound))
        return [each for each in found if isinstance(each, ManifestError)]

    def problems(self) -> Iterator[ManifestError]:
        """Yield the error of each broken manifest."""
        self._see_all()
        return (each for each in map(self._read, range(len(self))) if isinstance(each, ManifestError))

    def _read(self, number: int) -> Manifest | ManifestError:
        try:
            return self._catalogue.manifest(number)
        except ManifestError as error:
            return error

    def _numbers(self, words: Iterable[str]) -> frozenset[int]:
        required = tuple(words)
        return self._catalogue.numbers_of_all(required) if required else frozenset(range(len(self)))

    def no_script_error(self, query: Query, unknown: Sequence[str], known: Iterable[str]) -> NoScriptError:
        """Return the error for a query without a match, with the nearest known words and the closest scripts.

        `unknown` are the query's words that no script has, `known` all words that some script has.
        """
        words = frozenset(known)
        hints = [hint for word in unknown for hint in nearest(word, words, 1)]
        searched = {*query.required, *hints}
        heads = map(self._catalogue.head, range(len(self)))
        scored = sorted((-len(searched & head.words), head.alias, head.tags) for head in heads)
        closest = [f"{alias} ({','.join(tags)})" for score, alias, tags in scored[:3] if score]
        # A manifest without a readable head may be the intended one.
        return NoScriptError(query.text, unknown, closest, hints, list(map(str, self.unreadable())))


def has_variations(manifest: Manifest, query: Query) -> bool:
    """Whether a script has all variations of a query."""
    known = manifest.variations
    return all(name in known or f"{name.partition('.')[0]}.#" in known for name in (*query.variations, *query.without))


def load_registry(
    roots: Sequence[Path],
    index: Path | None = None,
    collections: Mapping[Path, Reader] | None = None,
    *,
    keep: bool = True,
) -> Registry:
    """Find the manifests in each repository's `script/` folder, and in those of collections.

    The folder `index` stores them for the next start; without `keep`, it is only read.
    """
    readers = {str(folder): reader for folder, reader in (collections or {}).items()}
    folders = dict.fromkeys((*(root.resolve() / "script" for root in roots), *(collections or ())))
    scan = partial(read_catalogue, sorted(folders), index, readers, keep=keep)
    return Registry(scan(compare_all=False), scan)
