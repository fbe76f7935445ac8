"""The `script/` folder of one repository: its manifests, their stamps, and whether all is as it was."""

from __future__ import annotations

import os
import struct
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.files.stamps import STAMP_BYTES, UNSETTLED, settled_stamp, stamps
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.head import MANIFEST_NAMES, Head, read_head

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


_MANY = 1000


class Sight(Immutable):
    """What a `script/` folder held when it was looked at.

    Attributes:
        folder: the `script/` folder.
        stamp: the folder's own, which changes when scripts come and go; empty where there is no folder.
        present: the manifests' paths, relative to the folder.
        absent: where a manifest was looked for and not found.
        stamps: those of `present`.
    """

    folder: str
    stamp: bytes
    present: list[str]
    absent: list[str]
    stamps: bytes

    def taken(self) -> bool:
        """Say whether this may be gone by, as far as scripts are looked at again when they are selected.

        Of many manifests only the folder is looked at here: it changes when scripts come and go. What could have
        changed without a trace is looked at whole.
        """
        if len(self.present) < _MANY or UNSETTLED in self.stamps:
            return self.unchanged()
        try:
            with _opened(self.folder) as folder:
                return stamps((".",), folder) == self.stamp
        except (OSError, struct.error):
            return False

    def current(self, number: int) -> bool:
        """Say whether one manifest is what it was."""
        kept = self.stamps[number * STAMP_BYTES : (number + 1) * STAMP_BYTES]
        try:
            with _opened(self.folder) as folder:
                return stamps((self.present[number],), folder) == kept
        except (OSError, struct.error):
            return False

    def unchanged(self) -> bool:
        """Say whether the folder and every manifest in it are what they were."""
        try:
            if not self.stamp:
                return not os.path.exists(self.folder)  # noqa: PTH110 - as fast as this language can
            with _opened(self.folder) as folder:
                return (
                    stamps((".",), folder) == self.stamp
                    and self._stamps_now(folder) == self.stamps
                    and not any(map(partial(os.access, mode=os.F_OK, dir_fd=folder), self.absent))
                )
        except (OSError, struct.error):
            return False

    def _stamps_now(self, folder: int) -> bytes:
        if len(self.present) < _MANY or threading.active_count() > 1:
            return stamps(self.present, folder)
        # Paths from the working folder are looked up faster by a tenth than those from an open one.
        here = os.open(".", os.O_PATH | os.O_DIRECTORY)
        try:
            os.fchdir(folder)
            return stamps(self.present)
        finally:
            os.fchdir(here)
            os.close(here)

    def known(self, heads: Iterator[Head]) -> Iterator[tuple[str, tuple[bytes, Head]]]:
        """Give each manifest's stamp and head, taking as many heads as there are manifests."""
        for number, path in enumerate(self.present):
            yield path, (self.stamps[number * STAMP_BYTES : (number + 1) * STAMP_BYTES], next(heads))


def look(folder: Path, known: Mapping[str, tuple[bytes, Head]]) -> tuple[Sight, list[Head]]:
    """Look at a `script/` folder, and read the manifests that are not known as they are now."""
    try:
        with _opened(str(folder)) as opened:
            own = settled_stamp(".", opened)
            names = sorted(os.listdir(opened))  # noqa: PTH208 - an open folder
            places = [_place(name, opened) for name in names]
    except OSError:
        return Sight(str(folder), b"", [], [], b""), []
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
    return Sight(str(folder), own, present, absent, b"".join(marks)), heads


def _place(name: str, folder: int) -> tuple[str, bytes, list[str]]:
    """Give a script's manifest with its stamp, and the names before it that its folder does not have."""
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
