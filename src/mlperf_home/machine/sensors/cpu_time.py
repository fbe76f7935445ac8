"""Whose the processors' time was: ours, other programs', other machines' (steal), from two looks at /proc/stat.

Sources: proc(5), the `cpuN` lines: user, nice, system, idle, iowait, irq, softirq, steal in ticks; user has guest time.
Of processes: stat (utime and stime, in ticks), status (nonvoluntary_ctxt_switches), smaps_rollup (Private_*). The
processes of the streams are looked at while they live: this process's own figures leave them out until they end.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.machine.sensors.readings import Reading, unknown
from scriptgraph.files.kernel_files import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIELDS = 8
# The kernel counts in ticks of mostly 10 ms on each CPU: below a second their rounding alone is a percent.
_SHORTEST_S = 1.0
_USER_TIME = 11
_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", re.MULTILINE)
_SWITCHES = re.compile(r"^nonvoluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Used:
    """Time of some processes so far: CPU seconds of all threads, and how often the kernel took the CPU away."""

    cpu_s: float = 0.0
    involuntary_switches: int = 0


@dataclass(frozen=True)
class CpuTime:
    """One look, at so many CPUs by the monotonic clock; None is not told.

    The CPUs, all together, ran something of this machine for `busy_s`, of which `used` was ours; for `steal_s` they
    wanted to, and the hypervisor ran another machine.
    """

    at_s: float
    busy_s: float | None
    steal_s: float | None
    used: Used
    cpus: int


def used_by_us() -> Used:
    """Read what this process and its children, ended or not, have used."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    all_used = [*(Used(each.ru_utime + each.ru_stime, each.ru_nivcsw) for each in usages), stream_usage()]
    return Used(sum(each.cpu_s for each in all_used), sum(each.involuntary_switches for each in all_used))


def stream_usage() -> Used:
    """Read what the living processes that `multiprocessing` has started here have used; unreadable ones count 0."""
    cpu_s, switches = 0.0, 0
    for folder in _stream_folders():
        # The name, in brackets, may have spaces.
        _, _, fields = (read_text(folder / "stat") or "").rpartition(")")
        times = [int(field) for field in fields.split()[_USER_TIME : _USER_TIME + 2]]
        cpu_s += sum(times) / os.sysconf("SC_CLK_TCK")
        switched = _SWITCHES.search(read_text(folder / "status") or "")
        switches += int(switched[1]) if switched else 0
    return Used(cpu_s, switches)


def private_bytes() -> int:
    """Return the memory of the streams' processes alone; what they share with this one counts as its own.

    The kernel walks through all their pages for it: nothing for a look just before something is timed.
    """
    found = (_PRIVATE.findall(read_text(folder / "smaps_rollup") or "") for folder in _stream_folders())
    return 1024 * sum(int(kb) for each in found for kb in each)


def _stream_folders() -> list[Path]:
    return [Path("/proc") / str(process.pid) for process in multiprocessing.active_children()]


def look(root: Path, cpus: Sequence[int]) -> CpuTime:
    """Look at the CPUs that the process may run on."""
    lines = (line.split() for line in (read_text(root / "proc/stat") or "").splitlines())
    wanted = {f"cpu{cpu}" for cpu in cpus}
    rows = [
        [int(field) for field in line[1 : 1 + _FIELDS]] for line in lines if len(line) > _FIELDS and line[0] in wanted
    ]
    at_s, used = time.monotonic(), used_by_us()
    if not rows:
        return CpuTime(at_s, None, None, used, len(cpus))
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    user, nice, system, _idle, _iowait, irq, softirq, steal = (sum(column) for column in zip(*rows, strict=True))
    return CpuTime(at_s, (user + nice + system + irq + softirq) * tick_s, steal * tick_s, used, len(rows))


def between(before: CpuTime, after: CpuTime) -> dict[str, Reading]:
    """Compare two looks; percentages are of all that the CPUs could have done."""
    switches = Reading(float(after.used.involuntary_switches - before.used.involuntary_switches))
    elapsed_s = after.at_s - before.at_s
    names = ("steal_percent", "other_cpu_percent", "own_cpu_percent")
    if before.busy_s is None or before.steal_s is None or after.busy_s is None or after.steal_s is None:
        shares = dict.fromkeys(names, unknown("/proc/stat does not tell"))
    elif elapsed_s < _SHORTEST_S:
        reason = f"the run lasted {elapsed_s:.2f} s; the kernel's ticks are too coarse below {_SHORTEST_S:g} s"
        shares = dict.fromkeys(names, unknown(reason))
    else:
        ours_s = after.used.cpu_s - before.used.cpu_s
        # Both clocks are rounded on their own, so that a share may come out a little below nothing.
        times_s = (max(0.0, after.steal_s - before.steal_s), max(0.0, after.busy_s - before.busy_s - ours_s), ours_s)
        capacity_s = elapsed_s * after.cpus
        shares = {name: Reading(round(100 * s / capacity_s, 3)) for name, s in zip(names, times_s, strict=True)}
    return {**shares, "involuntary_switches": switches}
