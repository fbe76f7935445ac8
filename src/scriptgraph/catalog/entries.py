"""A catalogue of scripts: numbered, found by word, and decoded on demand.

It serves 10,000 scripts at every start. It consists of two blocks of text, exactly as stored in the index's file, and a
query reads only the parts that it needs.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.files.json_reader import parse_json
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.decoding import decode_manifest
from scriptgraph.manifest.text import Head, read_manifest
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scriptgraph.catalog.collections import Reader
    from scriptgraph.manifest.types import Manifest

# A word that no query has, for the scripts whose heads cannot be read.
_UNSOUND = ""
# The most scripts that are searched for in a list as text; more are intersected as sets.
_FEW = 20


class ScriptFolder(Immutable):
    """A `script/` folder, and its manifests by relative path."""

    folder: str
    paths: Sequence[str]

    def current(self, number: int) -> bool:
        """Whether a manifest is unchanged; decoded manifests never change."""
        return number < len(self.paths)


class Catalogue:
    """Scripts by number and word.

    Attributes:
        folders: the folders with the manifests, which are numbered throughout.
        heads: a line of JSON for each script: alias, UID, tags, and whether they could be read.
        words: sorted lines: a word, a tab, and the numbers of the scripts that have it.
        compared: whether every manifest has been compared with the catalogue.
        readers: the readers of the folders that are other people's collections.
    """

    compared = True
    readers: Mapping[str, Reader] = NOTHING

    def __init__(
        self, folders: Sequence[ScriptFolder], heads: str, words: str, manifests: Mapping[int, Manifest] | None = None
    ) -> None:
        self.folders, self.heads, self.words = folders, heads, words
        self._manifests = dict(manifests or {})

    def __len__(self) -> int:
        return sum(len(folder.paths) for folder in self.folders)

    def path(self, number: int) -> Path:
        """Return the path of a script's manifest."""
        folder, place = self._located(number)
        return Path(folder.folder, folder.paths[place])

    def current(self, number: int) -> bool:
        """Whether a script's manifest is unchanged."""
        folder, place = self._located(number)
        return folder.current(place)

    def collection(self, number: int) -> str:
        """Return the name of a script's collection; empty for those that need no other reader."""
        if not self.readers:
            return ""
        reader = self.readers.get(self._located(number)[0].folder)
        return reader.name if reader is not None else ""

    def _located(self, number: int) -> tuple[ScriptFolder, int]:
        for folder in self.folders:
            if number < len(folder.paths):
                return folder, number
            number -= len(folder.paths)
        raise IndexError(number)

    def head(self, number: int) -> Head:
        """Return the head of a script's manifest."""
        alias, uid, tags, sound = parse_json(self._head_lines[number], "the index of scripts", paths=True)
        return Head(alias, uid, tuple(tags), sound)

    def all_words(self) -> Iterator[str]:
        """Yield every word that some script has."""
        return (word for word, _, _ in (line.partition("\t") for line in self.words.split("\n")) if word)

    def numbers(self, word: str) -> frozenset[int]:
        """Return the numbers of the scripts that have a word as tag, alias or UID."""
        return self.numbers_of_all((word,))

    def numbers_of_all(self, words: Iterable[str]) -> frozenset[int]:
        """Return the numbers of the scripts that have all the words; at least one word is required."""
        shortest, *others = sorted((self._listed(word) for word in words), key=len)
        found = frozenset(map(int, shortest.split(","))) if shortest else frozenset()
        for listed in others:
            if len(found) < _FEW:
                # Splitting a list of thousands for a few numbers would take longer.
                padded = f",{listed},"
                found = frozenset(each for each in found if f",{each}," in padded)
            else:
                found &= frozenset(map(int, listed.split(",")))
        return found

    def _listed(self, word: str) -> str:
        """Return the numbers in a word's line, found by bisection; empty if the word is unknown."""
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
        """The numbers of the scripts whose heads cannot be read."""
        return self.numbers(_UNSOUND)

    def manifest(self, number: int) -> Manifest:
        """Read and decode a script's manifest, once.

        Raises:
            ManifestError: the manifest cannot be read, or is invalid.
        """
        if number not in self._manifests:
            path, reader = self.path(number), self.readers.get(self._located(number)[0].folder)
            text = read_manifest(path)
            self._manifests[number] = decode_manifest(text, path) if reader is None else reader.manifest(text, path)
        return self._manifests[number]

    @cached_property
    def _head_lines(self) -> list[str]:
        return self.heads.split("\n")


def build_catalogue(
    folders: Sequence[ScriptFolder], heads: Sequence[Head], manifests: Mapping[int, Manifest] | None = None
) -> Catalogue:
    """Build a catalogue from the heads of all manifests, in order; `manifests` are the decoded ones by number."""
    numbers: dict[str, list[int]] = {}
    for number, head in enumerate(heads):
        for word in head.words:
            numbers.setdefault(word, []).append(number)
    # No query can contain a word with commas or white space.
    numbers = {word: found for word, found in numbers.items() if word.replace(",", " ").split() == [word]}
    numbers[_UNSOUND] = [number for number, head in enumerate(heads) if not head.sound]
    lines = sorted(f"{word}\t{','.join(map(str, found))}" for word, found in numbers.items() if found)
    return Catalogue(folders, "\n".join(map(json.dumps, heads)), "\n".join(lines), manifests)
