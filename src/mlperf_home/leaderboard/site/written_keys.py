"""The keys of the files that a site has, so that a file whose key is unchanged is not made again."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS_FILE = ".mlperf-home-site"
"""The file also marks a folder as the pages of a board."""


class WrittenKeys:
    """The keys of files by address: those of the last time, and of now."""

    def __init__(self, site: Path) -> None:
        self._path = site / KEYS_FILE
        self.then: dict[str, str] = {}
        self.now: dict[str, str] = {}

    @contextmanager
    def renewed(self) -> Iterator[WrittenKeys]:
        """Read the keys of the last time, and write those of now once all files are on the disk.

        While files are written no key is kept: after a kill, each file is compared with what it should be.
        """
        text = self._path.read_text("utf-8", "replace") if self._path.is_file() else ""
        self.then = dict(line.split(" ") for line in text.splitlines() if line.count(" ") == 1)
        replace_text(self._path, "")
        yield self
        os.sync()
        replace_text(self._path, "".join(f"{address} {key}\n" for address, key in self.now.items()))
