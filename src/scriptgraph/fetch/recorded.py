"""Hashes of files that nobody published one for: recorded at the first download, demanded at every later one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.kept_json import KeptJson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class RecordedHashes:
    """A JSON file of URL -> "sha256:...", shared by all runs of a user."""

    def __init__(self, path: Path) -> None:
        self._kept = KeptJson(path)

    def find(self, urls: Sequence[str]) -> str | None:
        """Give the hash recorded for the first of the URLs that has one."""
        known = self._kept.read()
        return next((str(known[url]) for url in urls if url in known), None)

    def keep(self, urls: Sequence[str], digest: str) -> None:
        """Record the hash for each of the URLs; what is recorded already stays."""

        def add(known: dict[str, Any]) -> None:
            for url in urls:
                known.setdefault(url, digest)

        self._kept.update(add)
