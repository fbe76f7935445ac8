"""The `script/` folder of one repository: its manifests, their stamps, and whether all is as it was."""

from __future__ import annotations

import os
import struct
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.catalog.entries import Shelf
from scriptgraph.files.stamps import STAMP_BYTES, UNSETTLED, settled_stamp, stamps
from scriptgraph.manifest.text import MANIFEST_NAMES, Head, read_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


_MANY = 1000


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
