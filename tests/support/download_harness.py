"""A download with its folders, without real pauses."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.fetch.download import Expected, Fetched, TransferOptions, fetch
from scriptgraph.fetch.failures import DownloadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONTENT = bytes(range(256)) * 64
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"  # noqa: S324 - what publishers of old files offer
KNOWN = Expected([SHA256], len(CONTENT))


class Harness:
    """Folders and options of a download; pauses are recorded instead of slept."""

    def __init__(self, folder: Path) -> None:
        self.destination = folder / "place" / "file.bin"
        self.partial = folder / "partial"
        self.waits: list[float] = []
        self.steps: list[tuple[int, int | None]] = []

    def fetch(self, sources: Sequence[str | Path], expected: Expected = KNOWN, **more: Any) -> Fetched:
        options = TransferOptions(
            self.partial,
            sleep=self.waits.append,
            progress=lambda done, total: self.steps.append((done, total)),
            **more,
        )
        return fetch(sources, self.destination, expected, options)

    def refused(self, sources: Sequence[str | Path], expected: Expected = KNOWN, **more: Any) -> str:
        """Return the only problem of a fetch that fails and leaves no file at its destination."""
        with pytest.raises(DownloadError) as failure:
            self.fetch(sources, expected, **more)
        assert not self.destination.exists()
        assert len(failure.value.problems) == 1
        return failure.value.problems[0][1]

    def left(self) -> list[int]:
        """Return the sizes of the partial files."""
        return [path.stat().st_size for path in self.partial.glob("*.part")]
