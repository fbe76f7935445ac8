"""What the processes of the streams use, while they live: this process's own figures leave them out until they end.

Source: proc(5): stat (utime and stime, in ticks), status (nonvoluntary_ctxt_switches) and smaps_rollup (Private_*).
"""

from __future__ import annotations

import multiprocessing
import os
import re
from dataclasses import dataclass
from pathlib import Path

from mlperf_home.machine.sensors.readings import read_text

_USER_TIME = 11
_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", re.MULTILINE)
_SWITCHES = re.compile(r"^nonvoluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class StreamUsage:
    """Of all living processes together, since each began; a process that does not tell counts as nothing.

    Attributes:
        cpu_s: seconds of CPU time.
        involuntary_switches: how often the kernel took the CPU away.
    """

    cpu_s: float = 0.0
    involuntary_switches: int = 0


def stream_usage() -> StreamUsage:
    """Look at the processes that `multiprocessing` has started here."""
    each = [_usage(folder) for folder in _folders()]
    return StreamUsage(sum(one.cpu_s for one in each), sum(one.involuntary_switches for one in each))


def private_bytes() -> int:
    """Give the memory that is theirs alone; what they share with this process counts as its own.

    The kernel walks through all their pages for it: nothing for a look just before something is timed.
    """
    found = (_PRIVATE.findall(read_text(folder / "smaps_rollup") or "") for folder in _folders())
    return 1024 * sum(int(kb) for each in found for kb in each)


def _folders() -> list[Path]:
    return [Path("/proc") / str(process.pid) for process in multiprocessing.active_children()]


def _usage(folder: Path) -> StreamUsage:
    # The name, in brackets, may have spaces.
    _, _, fields = (read_text(folder / "stat") or "").rpartition(")")
    times = [int(field) for field in fields.split()[_USER_TIME : _USER_TIME + 2]]
    switches = _SWITCHES.search(read_text(folder / "status") or "")
    return StreamUsage(sum(times) / os.sysconf("SC_CLK_TCK"), int(switches[1]) if switches else 0)
