"""Hashes of files that nobody published one for: recorded at the first download, demanded at every later one."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class RecordedHashes:
    """A JSON file of URL -> "sha256:...", shared by all runs of a user."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, urls: Sequence[str]) -> str | None:
        """Give the hash recorded for the first of the URLs that has one."""
        known = self._read()
        return next((known[url] for url in urls if url in known), None)

    def keep(self, urls: Sequence[str], digest: str) -> None:
        """Record the hash for each of the URLs; what is recorded already stays."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            known = {**dict.fromkeys(urls, digest), **self._read()}
            partial = self.path.with_suffix(f".{os.getpid()}.partial")
            partial.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            partial.replace(self.path)

    def _read(self) -> dict[str, str]:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in document.items()} if isinstance(document, dict) else {}
