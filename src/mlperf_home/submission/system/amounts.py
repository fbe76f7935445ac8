"""Amounts as people write them."""

from __future__ import annotations

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")


def binary_size(size_bytes: int) -> str:
    """Write bytes as memory and caches are counted: "62.7 GiB", "48 KiB"."""
    return _scaled(size_bytes, 1024, _BINARY)


def decimal_size(size_bytes: int) -> str:
    """Write bytes as disks are sold: "1.9 TB"."""
    return _scaled(size_bytes, 1000, _DECIMAL)


def _scaled(size: int, base: int, units: tuple[str, ...]) -> str:
    power = 0
    # What would be rounded up to a whole next unit is written in that one.
    while power + 1 < len(units) and round(size / base**power, 1) >= base:
        power += 1
    return f"{size / base**power:.1f}".removesuffix(".0") + f" {units[power]}"
