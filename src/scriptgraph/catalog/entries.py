"""A catalogue: the scripts of some repositories by number, found by word; manifests are decoded when asked for.

It is made for 10,000 scripts at every start: two blocks of text, as they lie in the index's file,
of which a query reads as little as it can.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import ManifestError
from scriptgraph.files.json_reader import parse_json
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.decoding import decode_manifest
from scriptgraph.manifest.text import Head, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scriptgraph.manifest.types import Manifest

# No query has this word: the scripts whose manifests do not say how they are found.
_UNSOUND = ""
_FEW = 20


class Shelf(Immutable):
    """Manifests below one folder, by their relative paths."""

    folder: str
    paths: Sequence[str]

    def current(self, number: int) -> bool:
        """Whether one manifest is what it was; one that was handed in does not change."""
        return number < len(self.paths)


class Catalogue:
    """Scripts by number and word.

    Attributes:
        shelves: the manifests, numbered through.
        heads: a line of JSON for each script: alias, uid, tags, and whether these could be read.
        words: sorted lines: a word, a tab, and the numbers of the scripts that have it.
        compared: whether every manifest is known to be what the catalogue says.
    """

    compared = True

    def __init__(
        self, shelves: Sequence[Shelf], heads: str, words: str, manifests: Mapping[int, Manifest] | None = None
    ) -> None:
        self.shelves, self.heads, self.words = shelves, heads, words
        self._manifests = dict(manifests or {})

    def __len__(self) -> int:
        return sum(len(shelf.paths) for shelf in self.shelves)

    def path(self, number: int) -> Path:
        """Return the path of a script's manifest."""
        shelf, place = self._shelved(number)
        return Path(shelf.folder, shelf.paths[place])

    def current(self, number: int) -> bool:
        """Whether a script's manifest is what it was."""
        shelf, place = self._shelved(number)
        return shelf.current(place)

    def _shelved(self, number: int) -> tuple[Shelf, int]:
        for shelf in self.shelves:
            if number < len(shelf.paths):
                return shelf, number
            number -= len(shelf.paths)
        raise IndexError(number)

    def head(self, number: int) -> Head:
        """Return how a script is found."""
        alias, uid, tags, sound = parse_json(self._head_lines[number], "the index of scripts", paths=True)
        return Head(alias, uid, tuple(tags), sound)

    def all_words(self) -> Iterator[str]:
        """Yield every word that finds something."""
        return (word for word, _, _ in (line.partition("\t") for line in self.words.split("\n")) if word)

    def numbers(self, word: str) -> frozenset[int]:
        """Return the numbers of the scripts that have a word as tag, alias or uid."""
        return self.having((word,))

    def having(self, words: Iterable[str]) -> frozenset[int]:
        """Return the numbers of the scripts that have all of some words."""
        shortest, *others = sorted((self._listed(word) for word in words), key=len)
        found = frozenset(map(int, shortest.split(","))) if shortest else frozenset()
        for listed in others:
            if len(found) < _FEW:
                # What thousands have is not worth splitting for a few of them.
                whole = f",{listed},"
                found = frozenset(each for each in found if f",{each}," in whole)
            else:
                found &= frozenset(map(int, listed.split(",")))
        return found

    def _listed(self, word: str) -> str:
        """Find a word's line by halves and return what it lists."""
        lines, start = self.words, f"{word}\t"
        low, high = 0, len(lines)
        while low < high:
            begin = lines.rfind("\n", low, (low + high) // 2) + 1 or low
            end = lines.find("\n", begin, high)
            end = high if end < 0 else end
            if lines.startswith(start, begin):
                return lines[begin + len(start) : end]
            low, high = (end + 1, high) if lines[begin:end] < start else (low, begin)
        return ""

    @property
    def unsound(self) -> frozenset[int]:
        """The scripts whose manifests do not say how they are found."""
        return self.numbers(_UNSOUND)

    def manifest(self, number: int) -> Manifest:
        """Read and decode a script's manifest, once.

        Raises:
            ManifestError: it cannot be read, or says something without meaning.
        """
        if number not in self._manifests:
            path = self.path(number)
            self._manifests[number] = decode_manifest(read_manifest(path), path)
        return self._manifests[number]

    @cached_property
    def _head_lines(self) -> list[str]:
        return self.heads.split("\n")


def catalogue_of(
    shelves: Sequence[Shelf], heads: Sequence[Head], manifests: Mapping[int, Manifest] | None = None
) -> Catalogue:
    """Make a catalogue of manifests from their heads, in the same order; `manifests` are those decoded, by number.

    Raises:
        ManifestError: two scripts share an alias.
    """
    numbers: dict[str, list[int]] = {}
    for number, head in enumerate(heads):
        for word in head.words:
            numbers.setdefault(word, []).append(number)
    # What a query would be parted at can never be asked for.
    numbers = {word: found for word, found in numbers.items() if word.replace(",", " ").split() == [word]}
    numbers[_UNSOUND] = [number for number, head in enumerate(heads) if not head.sound]
    lines = sorted(f"{word}\t{','.join(map(str, found))}" for word, found in numbers.items() if found)
    made = Catalogue(shelves, "\n".join(map(json.dumps, heads)), "\n".join(lines), manifests)
    taken, twice = dict[str, int](), list[tuple[str, Path, Path]]()
    for number, head in enumerate(heads):
        if head.sound and taken.setdefault(head.alias, number) != number:
            first, second = sorted((made.path(taken[head.alias]), made.path(number)))
            twice.append((head.alias, first, second))
    for alias, first, second in sorted(twice):
        raise ManifestError(second, "/alias", f"{alias!r} is taken by {first.parent}; rename one")
    return made
