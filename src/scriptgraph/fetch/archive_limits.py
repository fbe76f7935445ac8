"""Limits of an unpacked archive, and a count of bytes against them."""

from __future__ import annotations

from dataclasses import dataclass


class ArchiveRefused(Exception):  # noqa: N818 - it reads as the event it is
    """An archive cannot be read, or a member is unsafe; the text is the reason, a predicate."""


@dataclass(frozen=True)
class UnpackLimits:
    """The limits of an unpacked archive.

    Attributes:
        members: the most files, folders and links.
        total_bytes: the most bytes of all files together.
        ratio: the most unpacked bytes per packed byte. XZ reaches 7,000 on zeros; a model pruned by 95 % about 35.
        free_bytes: the unpacked size up to which the ratio does not matter.
    """

    members: int = 200_000
    total_bytes: int = 64 << 30
    ratio: float = 400.0
    free_bytes: int = 256 << 20


DEFAULT_LIMITS = UnpackLimits()


class ByteCount:
    """Counts the bytes that are read from an archive of `packed_bytes`, or written from it."""

    def __init__(self, limits: UnpackLimits, packed_bytes: int) -> None:
        self._limits, self._packed_bytes, self._bytes = limits, packed_bytes, 0

    def count(self, more_bytes: int) -> None:
        """Add bytes.

        Raises:
            ArchiveRefused: there are more than the limits allow.
        """
        limits = self._limits
        self._bytes += more_bytes
        if self._bytes > limits.total_bytes:
            raise ArchiveRefused(f"the archive unpacks to more than {limits.total_bytes:,} bytes")
        if self._bytes > limits.free_bytes and self._bytes > limits.ratio * self._packed_bytes:
            raise ArchiveRefused(
                f"the archive unpacks to more than {limits.ratio:g} times its {self._packed_bytes:,} bytes"
            )
