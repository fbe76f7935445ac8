"""The watch for other programs and other machines during a calibration.

A disturbed slice is discarded and measured again, after a wait for a quiet machine. The wait is bounded: beside a
steady load, the slices then count, and the calibration is marked as disturbed.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlperf_home.contracts.runs.grids import Disturbance
from mlperf_home.machine.readings import OTHER_CPU_LIMIT_PERCENT, STEAL_LIMIT_PERCENT
from mlperf_home.machine.sensors import read_cpu_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.machine.sensors import CpuTime

    _T = TypeVar("_T")
else:
    _T = TypeVar("_T")

# In a slice on two cores, the kernel's ticks of 10 ms are 1.5 percent each; a service may wake up.
_SLICE_LIMITS_PERCENT = (5.0, 15.0)  # steal, other programs
_LOOK_S = 1.0
_UNKNOWN = "/proc/stat does not list the CPUs"


@dataclass
class _Shares:
    """Sums of CPU time in seconds, over several slices."""

    capacity_s: float = 0.0
    steal_s: float = 0.0
    other_s: float = 0.0

    def percents(self) -> tuple[float, float]:
        """Return the shares of steal and of other programs in percent."""
        capacity_s = self.capacity_s or 1.0
        return 100 * self.steal_s / capacity_s, 100 * self.other_s / capacity_s


def read_own_cpus() -> CpuTime:
    """Read the time of the CPUs that this process may use."""
    return read_cpu_time(Path("/"), sorted(os.sched_getaffinity(0)))


@dataclass
class QuietWatch:
    """Watches slices; `patience_s` is the longest time that disturbed slices and waits may cost together."""

    patience_s: float
    read: Callable[[], CpuTime] = read_own_cpus
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    lost_s: float = 0.0
    discarded: int = 0
    gave_up: bool = False
    _counted: _Shares = field(default_factory=_Shares)
    _known: bool = True

    def measure(self, run: Callable[[], _T]) -> _T:
        """Return the result of `run` in a quiet moment; of a disturbed one where patience has ended."""
        while True:
            before, started_s = self.read(), self.clock()
            value = run()
            shares = self._between(before, self.read())
            if self.gave_up or shares is None or not _exceeds(shares.percents(), _SLICE_LIMITS_PERCENT):
                if shares is not None:
                    self._count(shares)
                return value
            self.discarded += 1
            self.lost_s += max(0.0, self.clock() - started_s)
            self._wait()

    def is_quiet_now(self) -> bool:
        """Look at the machine for a moment; true if nothing else runs, or nothing is known."""
        before = self.read()
        self.sleep(_LOOK_S)
        shares = self._between(before, self.read())
        return shares is None or not _exceeds(shares.percents(), _SLICE_LIMITS_PERCENT)

    @property
    def quiet(self) -> bool:
        """Whether all slices that count were undisturbed."""
        return not self.gave_up and not self._reasons()

    def disturbance(self) -> Disturbance:
        """Return the disturbance of the slices that count."""
        unknown = None if self._known else _UNKNOWN
        return Disturbance(self._reasons(), self.discarded, round(self.lost_s, 1), unknown)

    def _wait(self) -> None:
        while self.lost_s < self.patience_s:
            started_s = self.clock()
            quiet = self.is_quiet_now()
            self.lost_s += max(_LOOK_S, self.clock() - started_s)
            if quiet:
                return
        self.gave_up = True

    def _between(self, before: CpuTime, after: CpuTime) -> _Shares | None:
        if before.busy_s is None or before.steal_s is None or after.busy_s is None or after.steal_s is None:
            self._known = False
            return None
        elapsed_s = after.at_s - before.at_s
        if elapsed_s <= 0:
            return None
        ours_s = after.used.cpu_s - before.used.cpu_s
        other_s = max(0.0, after.busy_s - before.busy_s - ours_s)
        return _Shares(elapsed_s * after.cpus, max(0.0, after.steal_s - before.steal_s), other_s)

    def _count(self, shares: _Shares) -> None:
        self._counted.capacity_s += shares.capacity_s
        self._counted.steal_s += shares.steal_s
        self._counted.other_s += shares.other_s

    def _reasons(self) -> tuple[str, ...]:
        steal, other = self._counted.percents()
        reasons = []
        if steal > STEAL_LIMIT_PERCENT:
            reasons.append(f"the hypervisor gave {steal:.1f} % of the CPUs' time to others")
        if other > OTHER_CPU_LIMIT_PERCENT:
            reasons.append(f"other programs used {other:.1f} % of the CPUs' time")
        return tuple(reasons)


def _exceeds(percents: tuple[float, float], limits: tuple[float, float]) -> bool:
    return any(percent > limit for percent, limit in zip(percents, limits, strict=True))
