"""Hashes of files that nobody published one for: recorded at the first download, demanded at every later one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from scriptgraph.fetch.sources import without_secrets
from scriptgraph.files.json_store import KeptJson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Begins the name of a hash among the URLs.
_REFUSED = "refused:"


class RecordedHashes:
    """A JSON file of URL -> "sha256:...", shared by all runs of a user.

    A URL that carries a secret stands in it as the hash of the URL: told apart from others, and not readable.
    """

    def __init__(self, path: Path) -> None:
        self._kept = KeptJson(path)

    @classmethod
    def of_user(cls, state: Path) -> RecordedHashes:
        """Return those of the folder with the user's state."""
        return cls(state / "recorded-hashes.json")

    def find(self, urls: Sequence[str]) -> str | None:
        """Return the hash recorded for the first of the URLs that has one."""
        known = self._kept.read()
        return next((str(known[name]) for name in map(_named, urls) if name in known), None)

    def keep(self, urls: Sequence[str], digest: str) -> None:
        """Record the hash for each of the URLs without one."""

        def add(known: dict[str, Any]) -> None:
            for url in urls:
                known.setdefault(_named(url), digest)

        self._kept.update(add)

    def refuse(self, digest: str) -> bool:
        """Forget the hash of a file that turned out to be damaged, so that another one may be fetched in its place.

        Returns:
            Whether it was recorded: otherwise nothing changes.
        """
        recorded: list[str] = []

        def drop(known: dict[str, Any]) -> None:
            recorded.extend(name for name, value in known.items() if value == digest)
            for name in recorded:
                del known[name]
            if recorded:
                known[_REFUSED + digest] = "damaged"

        self._kept.update(drop)
        return bool(recorded)

    def refused(self, digest: str) -> bool:
        """Whether a file of this hash turned out to be damaged."""
        return _REFUSED + digest in self._kept.read()


def _named(url: str) -> str:
    shown = without_secrets(url)
    return url if shown == url else f"{shown}#{hashlib.sha256(url.encode()).hexdigest()}"
