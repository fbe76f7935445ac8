"""The index: a catalogue on disk that always equals the result of reading all manifests.

There is one file for each set of repositories. Each start compares the stamps of the `script/` folders and manifests,
and reads what has changed. A file that is missing, damaged or not writable costs only time.
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

from scriptgraph.catalog.entries import Catalogue, ScriptFolder, build_catalogue
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_bytes
from scriptgraph.files.json_reader import parse_json
from scriptgraph.files.sha256 import sha256
from scriptgraph.files.stamps import STAMP_BYTES, UNSETTLED, settled_stamp, stamps
from scriptgraph.manifest.text import FOREIGN_NAMES, MANIFEST_NAMES, Head, read_head
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.catalog.collections import Reader

    Indexed = tuple[list["FolderState"], Catalogue]

# Renamed with each change of the file's layout or of heads.
LAYOUT = "v1"
# The most index files; older ones are removed.
_MOST_FILES = 16
# From this many manifests on, a start does not compare them all.
_MANY = 1000


def read_catalogue(
    folders: Sequence[Path],
    index: Path | None,
    readers: Mapping[str, Reader] = NOTHING,
    *,
    keep: bool = True,
    compare_all: bool = True,
) -> Catalogue:
    """Return the catalogue of `script/` folders; arguments as in `_read`, and the readers of foreign folders."""
    found = _read(folders, index, readers, keep=keep, compare_all=compare_all)
    found.readers = readers
    return found


def _read(
    folders: Sequence[Path], index: Path | None, readers: Mapping[str, Reader], *, keep: bool, compare_all: bool
) -> Catalogue:
    """Read the catalogue of `script/` folders.

    Args:
        folders: the `script/` folders.
        index: the folder of the index files; None to read every manifest.
        readers: the readers of the folders that are collections, by folder.
        keep: whether to write the index.
        compare_all: whether to compare every manifest with the index, however many there are.
    """
    if index is None:
        return _scan(folders, None, readers)[1]
    key = "\0".join((*MANIFEST_NAMES, "", *map(str, folders), *(f"{each}\0" for each in readers)))
    path = index / LAYOUT / sha256(key.encode(errors="surrogatepass")).hexdigest()[:24]
    try:
        written = path.read_bytes()
    except OSError:
        written = b""
    stored = _decoded(written)
    if stored is not None and not compare_all and all(state.trusted() for state in stored[0]):
        stored[1].compared = False
        return stored[1]
    if stored is not None and compare_all and all(state.unchanged() for state in stored[0]):
        return stored[1]
    current = _scan(folders, stored, readers)
    fresh = _encoded(current)
    # Only a run may create a new home.
    if keep and fresh != written and index.parent.is_dir():
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(path, fresh)
            files = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
            for old in files[:-_MOST_FILES]:
                old.unlink(missing_ok=True)
    return current[1]


def _scan(folders: Sequence[Path], stored: Indexed | None, readers: Mapping[str, Reader]) -> Indexed:
    known: list[dict[str, tuple[bytes, Head]]] = [{} for _ in folders]
    if stored is not None:
        heads = map(stored[1].head, range(len(stored[1])))
        known = [state.known(heads) for state in stored[0]]
    scanned = [scan_folder(folder, each, readers.get(str(folder))) for folder, each in zip(folders, known, strict=True)]
    states = [state for state, _ in scanned]
    return states, build_catalogue(states, [head for _, heads in scanned for head in heads])


def _encoded(indexed: Indexed) -> bytes:
    states, catalogue = indexed
    texts = ["\0".join(paths) for state in states for paths in (state.paths, state.absent)]
    blocks = [text.encode(errors="surrogatepass") for text in (catalogue.heads, catalogue.words, *texts)]
    blocks += [state.stamps for state in states]
    body = b"".join(blocks)
    folders = [(state.folder, state.stamp.hex()) for state in states]
    head = {"folders": folders, "sizes": [len(block) for block in blocks], "crc": crc32(body)}
    return json.dumps(head).encode() + b"\n" + body


def _decoded(written: bytes) -> Indexed | None:
    """Return the decoded content of an index file, or None if it is damaged."""
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
    """Split the body at the ends of its blocks, and decode them."""
    blocks = [body[first:last] for first, last in pairwise(ends)]
    heads, words, *texts = (str(block, "utf-8", "surrogatepass") for block in blocks[: 2 * len(folders) + 2])
    lists = iter([text.split("\0") if text else [] for text in texts])
    stamps = map(bytes, blocks[2 * len(folders) + 2 :])
    states = [FolderState(folder, next(lists), own, next(lists), next(stamps)) for folder, own in folders]
    return states, Catalogue(states, heads, words)


class FolderState(ScriptFolder):
    """The state of a `script/` folder when it was scanned.

    Attributes:
        stamp: the folder's own stamp, which changes when scripts are added or removed; empty if there is no folder.
        absent: the paths at which no manifest was found.
        stamps: the stamps of `paths`, joined.
    """

    stamp: bytes
    absent: list[str]
    stamps: bytes

    def trusted(self) -> bool:
        """Whether the state can be used if each script is compared again when it is selected.

        With many manifests only the folder is compared. Manifests that may have changed without a new stamp are all
        compared.
        """
        if len(self.paths) < _MANY or UNSETTLED in self.stamps:
            return self.unchanged()
        return self._holds(self._folder_is_same)

    def current(self, number: int) -> bool:
        """Whether a manifest is unchanged."""
        return self._holds(lambda folder: stamps((self.paths[number],), folder) == self._stamp(number))

    def unchanged(self) -> bool:
        """Whether the folder and all its manifests are unchanged."""
        if not self.stamp:
            return not os.path.exists(self.folder)  # noqa: PTH110 - faster
        return self._holds(
            lambda folder: (
                self._folder_is_same(folder)
                and self._stamps_now(folder) == self.stamps
                and not any(map(partial(os.access, mode=os.F_OK, dir_fd=folder), self.absent))
            )
        )

    def _holds(self, condition: Callable[[int], bool]) -> bool:
        """Whether a condition holds in the opened folder; False if a file cannot be read."""
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
        # Paths relative to the working folder are looked up a tenth faster than those relative to an open folder.
        here = os.open(".", os.O_PATH | os.O_DIRECTORY)
        try:
            os.fchdir(folder)
            return stamps(self.paths)
        finally:
            os.fchdir(here)
            os.close(here)

    def known(self, heads: Iterator[Head]) -> dict[str, tuple[bytes, Head]]:
        """Return each manifest's stamp and head; consumes one head for each manifest."""
        return {path: (self._stamp(number), next(heads)) for number, path in enumerate(self.paths)}


def scan_folder(
    folder: Path, known: Mapping[str, tuple[bytes, Head]], reader: Reader | None = None
) -> tuple[FolderState, list[Head]]:
    """Scan a `script/` folder, and read the manifests whose stamps differ from the known ones."""
    names_of, read = (MANIFEST_NAMES, read_head) if reader is None else (FOREIGN_NAMES, reader.head)
    try:
        with _opened(str(folder)) as opened:
            own = settled_stamp(".", opened)
            names = sorted(os.listdir(opened))  # noqa: PTH208 - an open folder
            places = [_place(name, opened, names_of) for name in names]
    except OSError:
        return FolderState(str(folder), [], b"", [], b""), []
    present, absent, marks, heads = [], [], [], []
    for path, stamp, missing in places:
        absent += missing
        if not path:
            continue
        known_stamp, head = known.get(path, (UNSETTLED, None))
        if head is None or stamp != known_stamp or stamp == UNSETTLED:
            head = read(folder / path)
        present.append(path)
        heads.append(head)
        # An unreadable manifest may become readable without a new stamp.
        marks.append(stamp if head.sound else UNSETTLED)
    return FolderState(str(folder), present, own, absent, b"".join(marks)), heads


def _place(name: str, folder: int, manifests: Sequence[str]) -> tuple[str, bytes, list[str]]:
    """Return a script's manifest, its stamp, and the manifest names tried before it without success."""
    missing: list[str] = []
    for manifest in manifests:
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
