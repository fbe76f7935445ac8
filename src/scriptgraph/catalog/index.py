"""The index: a catalogue on disk that is as true at each start as if all manifests had been read.

One file for each set of repositories. At a start the stamps of the `script/` folders and of the manifests are compared,
and what has changed is read. A file that is missing, damaged or cannot be written costs time and nothing else.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from binascii import crc32
from contextlib import contextmanager, suppress
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from scriptgraph.catalog.entries import Catalogue, Shelf, catalogue_of
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_bytes
from scriptgraph.files.json_reader import parse_json
from scriptgraph.files.sha256 import sha256
from scriptgraph.files.stamps import STAMP_BYTES, UNSETTLED, settled_stamp, stamps
from scriptgraph.manifest.text import MANIFEST_NAMES, Head, read_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Indexed = tuple[list["Sight"], Catalogue]

# A change of the file's layout, or of what is read as a head, gets a new name here.
LAYOUT = "v1"
# Files of repositories that are used no more are not kept for ever.
_MOST_FILES = 16
# So many manifests are not all looked at in a start.
_MANY = 1000


def read_scripts(folders: Sequence[Path], index: Path | None, *, keep: bool = True, whole: bool = True) -> Catalogue:
    """Return the catalogue of some `script/` folders.

    Without `keep`, the folder `index` is read and not written; without a folder, every manifest is read. With `whole`,
    every manifest is compared with the index, however many there are.

    Raises:
        ManifestError: two scripts share an alias.
    """
    if index is None:
        return _seen_now(folders, None)[1]
    named = "\0".join((*MANIFEST_NAMES, "", *map(str, folders)))
    path = index / LAYOUT / sha256(named.encode(errors="surrogatepass")).hexdigest()[:24]
    try:
        written = path.read_bytes()
    except OSError:
        written = b""
    kept = _decoded(written)
    if kept is not None and not whole and all(sight.taken() for sight in kept[0]):
        kept[1].compared = False
        return kept[1]
    if kept is not None and whole and all(sight.unchanged() for sight in kept[0]):
        return kept[1]
    now = _seen_now(folders, kept)
    fresh = _encoded(now)
    # What comes first in a new home is a run, not this.
    if keep and fresh != written and index.parent.is_dir():
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(path, fresh)
            files = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
            for old in files[:-_MOST_FILES]:
                old.unlink(missing_ok=True)
    return now[1]


def _seen_now(folders: Sequence[Path], kept: Indexed | None) -> Indexed:
    known: list[dict[str, tuple[bytes, Head]]] = [{} for _ in folders]
    if kept is not None:
        heads = map(kept[1].head, range(len(kept[1])))
        known = [sight.known(heads) for sight in kept[0]]
    looked = [look(folder, each) for folder, each in zip(folders, known, strict=True)]
    sights = [sight for sight, _ in looked]
    return sights, catalogue_of(sights, [head for _, heads in looked for head in heads])


def _encoded(indexed: Indexed) -> bytes:
    sights, catalogue = indexed
    texts = ["\0".join(paths) for sight in sights for paths in (sight.paths, sight.absent)]
    blocks = [text.encode(errors="surrogatepass") for text in (catalogue.heads, catalogue.words, *texts)]
    blocks += [sight.stamps for sight in sights]
    body = b"".join(blocks)
    folders = [(sight.folder, sight.stamp.hex()) for sight in sights]
    head = {"folders": folders, "sizes": [len(block) for block in blocks], "crc": crc32(body)}
    return json.dumps(head).encode() + b"\n" + body


def _decoded(written: bytes) -> Indexed | None:
    """Read the file's content; None where it is damaged."""
    start = written.find(b"\n") + 1
    body = memoryview(written)[start:]
    try:
        head = parse_json(written[:start], "the index of scripts", paths=True)
        if crc32(body) != head["crc"]:
            return None
        folders = [(str(folder), bytes.fromhex(own)) for folder, own in head["folders"]]
        return _unpacked(body, folders, list(accumulate(head["sizes"], initial=0)))
    except (DocumentError, LookupError, TypeError, ValueError, StopIteration):
        return None


def _unpacked(body: memoryview, folders: Sequence[tuple[str, bytes]], ends: Sequence[int]) -> Indexed:
    """Cut the blocks apart, each from one end to the next."""
    blocks = [body[first:last] for first, last in pairwise(ends)]
    heads, words, *texts = (str(block, "utf-8", "surrogatepass") for block in blocks[: 2 * len(folders) + 2])
    lists = iter([text.split("\0") if text else [] for text in texts])
    stamps = map(bytes, blocks[2 * len(folders) + 2 :])
    sights = [Sight(folder, next(lists), own, next(lists), next(stamps)) for folder, own in folders]
    return sights, Catalogue(sights, heads, words)


class Sight(Shelf):
    """What a `script/` folder held when it was looked at.

    Attributes:
        stamp: the folder's own, which changes when scripts come and go; empty where there is no folder.
        absent: where a manifest was looked for and not found.
        stamps: those of `paths`.
    """

    stamp: bytes
    absent: list[str]
    stamps: bytes

    def taken(self) -> bool:
        """Whether this can be trusted, as far as scripts are looked at again when they are selected.

        Of many manifests only the folder is looked at here: it changes when scripts come and go. What could have
        changed without a trace is looked at whole.
        """
        if len(self.paths) < _MANY or UNSETTLED in self.stamps:
            return self.unchanged()
        return self._holds(self._folder_is_same)

    def current(self, number: int) -> bool:
        """Whether one manifest is what it was."""
        return self._holds(lambda folder: stamps((self.paths[number],), folder) == self._stamp(number))

    def unchanged(self) -> bool:
        """Whether the folder and every manifest in it are what they were."""
        if not self.stamp:
            return not os.path.exists(self.folder)  # noqa: PTH110 - as fast as this language can
        return self._holds(
            lambda folder: (
                self._folder_is_same(folder)
                and self._stamps_now(folder) == self.stamps
                and not any(map(partial(os.access, mode=os.F_OK, dir_fd=folder), self.absent))
            )
        )

    def _holds(self, condition: Callable[[int], bool]) -> bool:
        """Whether a condition holds in the open folder; not where something cannot be looked at."""
        try:
            with _opened(self.folder) as folder:
                return condition(folder)
        except (OSError, struct.error):
            return False

    def _folder_is_same(self, folder: int) -> bool:
        return stamps((".",), folder) == self.stamp

    def _stamp(self, number: int) -> bytes:
        return self.stamps[number * STAMP_BYTES : (number + 1) * STAMP_BYTES]

    def _stamps_now(self, folder: int) -> bytes:
        if len(self.paths) < _MANY or threading.active_count() > 1:
            return stamps(self.paths, folder)
        # Paths from the working folder are looked up faster by a tenth than those from an open one.
        here = os.open(".", os.O_PATH | os.O_DIRECTORY)
        try:
            os.fchdir(folder)
            return stamps(self.paths)
        finally:
            os.fchdir(here)
            os.close(here)

    def known(self, heads: Iterator[Head]) -> dict[str, tuple[bytes, Head]]:
        """Return each manifest's stamp and head, taking as many heads as there are manifests."""
        return {path: (self._stamp(number), next(heads)) for number, path in enumerate(self.paths)}


def look(folder: Path, known: Mapping[str, tuple[bytes, Head]]) -> tuple[Sight, list[Head]]:
    """Look at a `script/` folder, and read the manifests that are not known as they are now."""
    try:
        with _opened(str(folder)) as opened:
            own = settled_stamp(".", opened)
            names = sorted(os.listdir(opened))  # noqa: PTH208 - an open folder
            places = [_place(name, opened) for name in names]
    except OSError:
        return Sight(str(folder), [], b"", [], b""), []
    present, absent, marks, heads = [], [], [], []
    for path, stamp, missing in places:
        absent += missing
        if not path:
            continue
        known_stamp, head = known.get(path, (UNSETTLED, None))
        if head is None or stamp != known_stamp or stamp == UNSETTLED:
            head = read_head(folder / path)
        present.append(path)
        heads.append(head)
        # What cannot be read now may be readable the next time without a trace.
        marks.append(stamp if head.sound else UNSETTLED)
    return Sight(str(folder), present, own, absent, b"".join(marks)), heads


def _place(name: str, folder: int) -> tuple[str, bytes, list[str]]:
    """Return a script's manifest with its stamp, and the names before it that its folder does not have."""
    missing: list[str] = []
    for manifest in MANIFEST_NAMES:
        path = f"{name}/{manifest}"
        try:
            return path, settled_stamp(path, folder), missing
        except NotADirectoryError:
            return "", b"", []
        except OSError:
            missing.append(path)
    return "", b"", missing


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
