"""One download's surroundings, without waiting."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.fetch.download import Expected, Fetched, Transfer, fetch
from scriptgraph.fetch.failures import DownloadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONTENT = bytes(range(256)) * 64
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"  # noqa: S324 - what publishers of old files offer
KNOWN = Expected([SHA256], len(CONTENT))


class Harness:
    """One download's surroundings, without waiting."""

    def __init__(self, folder: Path) -> None:
        self.destination = folder / "place" / "file.bin"
        self.partial = folder / "partial"
        self.waits: list[float] = []
        self.steps: list[tuple[int, int | None]] = []

    def fetch(self, sources: Sequence[str | Path], expected: Expected = KNOWN, **how: Any) -> Fetched:
        transfer = Transfer(
            self.partial,
            sleep=self.waits.append,
            progress=lambda done, total: self.steps.append((done, total)),
            **how,
        )
        return fetch(sources, self.destination, expected, transfer)

    def refused(self, sources: Sequence[str | Path], expected: Expected = KNOWN, **how: Any) -> str:
        """Fetch in vain; the text of the one problem. Nothing may be in the file's place."""
        with pytest.raises(DownloadError) as failure:
            self.fetch(sources, expected, **how)
        assert not self.destination.exists()
        assert len(failure.value.problems) == 1
        return failure.value.problems[0][1]

    def left(self) -> list[int]:
        """The sizes of the partial files."""
        return [path.stat().st_size for path in self.partial.glob("*.part")]
