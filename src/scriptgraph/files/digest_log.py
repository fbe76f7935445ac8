"""A log of digests: which documents this home has written, so that others are recognised."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DigestLog:
    """The SHA-256 of each record, bundle and experiment that a home has written; safe for concurrent processes."""

    def __init__(self, state: Path) -> None:
        """Take the home's folder of state."""
        self._path = state / "written-documents.txt"

    def add(self, digest: str) -> None:
        """Add a digest, in one write.

        Raises:
            OSError: the log cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            # A line break on both sides: a torn line spoils no other.
            os.write(descriptor, f"\n{digest}\n".encode())
        finally:
            os.close(descriptor)

    def __contains__(self, digest: str) -> bool:
        try:
            with self._path.open(encoding="ascii", errors="replace") as lines:
                return any(line.rstrip("\n") == digest for line in lines)
        except OSError:
            return False
