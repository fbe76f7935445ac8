"""The facts of a machine that decide whether and how a unit runs there."""

from __future__ import annotations

import os
import platform
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlperf_home.fleet.machine_side.locks import holder


def facts(folder: Path, lock_dir: str, cpus: list[int]) -> dict[str, Any]:
    """Return the facts of this machine; those that it does not tell are absent."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "folder": str(folder.absolute()),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "free_bytes": shutil.disk_usage(folder).free,
        "clock_s": time.time(),
        "boot": _text("/proc/sys/kernel/random/boot_id"),
        "load": os.getloadavg()[0],
        "users": _logged_in(),
        "busy": holder(folder, lock_dir, cpus),
    }
    name, version = platform.libc_ver()
    if name == "glibc":
        found["glibc"] = version
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            found["cpu"] = line.partition(":")[2].strip()
            break
    for line in _text("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            found["memory_bytes"] = int(line.split()[1]) * 1024
    return found


def _text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _logged_in() -> list[str]:
    """Return the accounts with a terminal of their own, by the owners of the terminals."""
    names = set()
    for terminal in Path("/dev/pts").glob("[0-9]*"):
        with suppress(OSError, KeyError):
            names.add(terminal.owner())
    return sorted(names)
