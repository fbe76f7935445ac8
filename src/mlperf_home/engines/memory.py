"""The memory of this process, and the free memory of the machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from scriptgraph.files.kernel_files import read_text


def resident_bytes(process: Path = Path("/proc/self")) -> int | None:
    """Return the resident memory of this process, or None if it is unknown."""
    pages = re.match(r"\d+ (\d{1,18})\b", read_text(process / "statm") or "")
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else None


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return the memory that is available without swapping, or None if it is unknown."""
    available = re.search(r"^MemAvailable:\s*(\d{1,18})\b", read_text(meminfo) or "", re.MULTILINE)
    return int(available[1]) * 1024 if available else None
