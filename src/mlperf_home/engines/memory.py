"""Whether more engines fit into this machine's memory."""

from __future__ import annotations

import os
from pathlib import Path

from mlperf_home.engines.base import BackendError

_GIB = 1 << 30


def resident_bytes(process: Path = Path("/proc/self")) -> int | None:
    """Memory that this process holds; None where the system does not tell."""
    try:
        pages = int((process / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that can still be had without swapping; None where the system does not tell."""
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def check_room(largest_bytes: int, remaining: int, free_bytes: int | None) -> None:
    """Refuse to go on when the kernel would end the process half-way.

    Args:
        largest_bytes: what the largest engine so far took.
        remaining: how many more are wanted.
        free_bytes: what is available; None if unknown, which refuses nothing.

    Raises:
        BackendError: they do not fit.
    """
    if free_bytes is None or remaining * largest_bytes <= free_bytes:
        return
    fit = free_bytes // max(1, largest_bytes)
    raise BackendError(
        f"{remaining} more engines of about {largest_bytes / _GIB:.1f} GiB each do not fit into "
        f"{free_bytes / _GIB:.1f} GiB of free memory (about {fit} do); give fewer sequence lengths, "
        "for instance DEEPSPARSE_SEQLENS=192,384"
    )
