"""Whose the processors' time was: ours, other programs', other machines' (steal), from two looks at /proc/stat.

Source: proc(5), the `cpuN` lines: user, nice, system, idle, iowait, irq, softirq, steal in ticks; user has guest time.
"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.sensors.process_usage import stream_usage
from mlperf_home.machine.sensors.readings import Reading, read_text, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FIELDS = 8
# The kernel counts in ticks of mostly 10 ms on each CPU: below a second their rounding alone is a percent.
_SHORTEST_S = 1.0
NOT_TOLD = "/proc/stat does not tell"


@dataclass(frozen=True)
class Used:
    """Time of our process and its children so far: CPU seconds of all threads, and switches forced on them."""

    cpu_s: float
    involuntary_switches: int


@dataclass(frozen=True)
class CpuTime:
    """One look.

    Attributes:
        at_s: the monotonic clock.
        busy_s: seconds in which the CPUs ran something of this machine, all CPUs together; None: not told.
        steal_s: seconds in which they wanted to, and the hypervisor ran another machine.
        used: what of it was ours.
        cpus: how many CPUs are looked at.
    """

    at_s: float
    busy_s: float | None
    steal_s: float | None
    used: Used
    cpus: int


def used_by_us() -> Used:
    """Ask the kernel what this process and its children have used."""
    looks = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    streams = stream_usage()
    return Used(
        sum(look.ru_utime + look.ru_stime for look in looks) + streams.cpu_s,
        sum(look.ru_nivcsw for look in looks) + streams.involuntary_switches,
    )


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
    """Say what happened between two looks; percentages are of all that the CPUs could have done."""
    switches = Reading(float(after.used.involuntary_switches - before.used.involuntary_switches))
    elapsed_s = after.at_s - before.at_s
    shares = _shares(before, after, elapsed_s)
    return {**shares, "involuntary_switches": switches}


def _shares(before: CpuTime, after: CpuTime, elapsed_s: float) -> dict[str, Reading]:
    if None in (before.busy_s, before.steal_s, after.busy_s, after.steal_s):
        missing = unknown(NOT_TOLD)
    elif elapsed_s < _SHORTEST_S:
        missing = unknown(
            f"the run lasted {elapsed_s:.2f} s; the kernel's ticks are too coarse below {_SHORTEST_S:g} s"
        )
    else:
        capacity_s = elapsed_s * after.cpus
        ours_s = after.used.cpu_s - before.used.cpu_s
        others_s = (after.busy_s or 0.0) - (before.busy_s or 0.0) - ours_s
        stolen_s = (after.steal_s or 0.0) - (before.steal_s or 0.0)
        return {
            # Both clocks are rounded on their own, so that a share may come out a little below nothing.
            "steal_percent": Reading(round(100 * max(0.0, stolen_s) / capacity_s, 3)),
            "other_cpu_percent": Reading(round(100 * max(0.0, others_s) / capacity_s, 3)),
            "own_cpu_percent": Reading(round(100 * ours_s / capacity_s, 3)),
        }
    return dict.fromkeys(("steal_percent", "other_cpu_percent", "own_cpu_percent"), missing)
