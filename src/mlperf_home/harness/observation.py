"""The state of the machine before, during and after a run; unknown values are None with a reason."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.readings import Reading
from mlperf_home.contracts.runs.session import HostState
from mlperf_home.machine import sensors
from mlperf_home.machine.container import read_container
from mlperf_home.machine.cpu.placement import core_kinds, read_cores
from mlperf_home.machine.readings import unknown
from scriptgraph.files.control_groups import cpu_quota, quota_wait_s

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.harness.queries.parts import SystemUnderTest

    Issue = Callable[[Sequence[int], Sequence[int]], None]


LOADING_SHARES = ("steal_percent", "other_cpu_percent")
"""The readings that are also known of the opening and loading, there with the prefix "loading_"."""


def read_machine_state() -> HostState:
    """Read the machine's load, and the affinity, cores, CPU quota and container of this process."""
    quota, reason = cpu_quota(Path("/"))
    return HostState(
        load_average_1min_before=os.getloadavg()[0],
        affinity_cpus=tuple(sorted(os.sched_getaffinity(0))),
        cgroup_cpu_quota=quota,
        cgroup_cpu_quota_reason=reason,
        core_kinds=core_kinds(read_cores()),
        container=read_container(),
    )


def peak_memory_bytes(watch: MachineWatch) -> int:
    """Return the peak resident memory of this process plus the private memory of its streams' processes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + watch.streams_memory_bytes


@dataclass(frozen=True)
class _Counters:
    cpu_time: sensors.CpuTime
    energy: sensors.EnergyCounters
    load_average_1min: float
    quota_wait_s: float | None


class MachineWatch:
    """Reads the machine's sensors once before and once after the timed section, never during it.

    The use of CPU time is read a third time, when the engine is about to be opened, so that disturbances of the opening
    and loading are told apart from those of the timed section.

    Attributes:
        streams_memory_bytes: the private memory of the streams' processes at the end of a run; 0 for threads.
    """

    def __init__(self, root: Path = Path("/"), cpus: Sequence[int] | None = None) -> None:
        """Read /proc and /sys below `root`; `cpus` defaults to the CPUs that this process may use."""
        self._root = root
        self._cpus = sorted(os.sched_getaffinity(0)) if cpus is None else list(cpus)
        self._opening = sensors.read_cpu_time(self._root, self._cpus)
        self._before: tuple[_Counters, sensors.Sensors] | None = None
        self._after: tuple[_Counters, sensors.Sensors] | None = None
        self.streams_memory_bytes = 0

    def begin(self) -> None:
        """Read the sensors, then the counters; later calls do nothing."""
        if self._before is None:
            read = sensors.read_sensors(self._root, self._cpus)
            self._before = (self._count(), read)

    def end(self) -> None:
        """Read the counters, then the sensors; the last call counts."""
        self._after = (self._count(), sensors.read_sensors(self._root, self._cpus))
        self.streams_memory_bytes = max(self.streams_memory_bytes, sensors.private_bytes())

    def state(self) -> dict[str, Reading]:
        """Return the readings by name with unit; empty if nothing was timed."""
        if self._before is None or self._after is None:
            return {}
        (counted, read), (counted_after, read_after) = self._before, self._after
        elapsed_s = counted_after.cpu_time.at_s - counted.cpu_time.at_s
        count, count_after = read.throttle_count, read_after.throttle_count
        throttled = unknown(count.reason or count_after.reason)
        if count.value is not None and count_after.value is not None:
            throttled = Reading(float(count_after.value) - float(count.value))
        loading = sensors.cpu_time_between(self._opening, counted.cpu_time)
        return {
            **{f"loading_{name}": loading[name] for name in LOADING_SHARES},
            "loading_s": Reading(round(counted.cpu_time.at_s - self._opening.at_s, 6)),
            **sensors.cpu_time_between(counted.cpu_time, counted_after.cpu_time),
            **read.frequencies("before"),
            **read_after.frequencies("after"),
            "governor": read.governor,
            "governor_after": read_after.governor,
            "temperature_c_before": read.temperature_c,
            "temperature_c_after": read_after.temperature_c,
            "throttle_count": throttled,
            "quota_wait_percent": self._quota_wait(counted, counted_after),
            "load_average_1min_before": Reading(counted.load_average_1min),
            "load_average_1min_after": Reading(counted_after.load_average_1min),
            "energy_j": sensors.energy_between(counted.energy, counted_after.energy, elapsed_s),
            "timed_s": Reading(round(elapsed_s, 6)),
        }

    def _count(self) -> _Counters:
        return _Counters(
            sensors.read_cpu_time(self._root, self._cpus),
            sensors.read_energy(self._root),
            os.getloadavg()[0],
            quota_wait_s(self._root),
        )

    def _quota_wait(self, before: _Counters, after: _Counters) -> Reading:
        """Return the share of the CPUs' time for which control groups held this process back."""
        waited = before.quota_wait_s, after.quota_wait_s
        elapsed_s = after.cpu_time.at_s - before.cpu_time.at_s
        if waited[0] is None or waited[1] is None or elapsed_s <= 0:
            return unknown("no control group counts it")
        return Reading(round(100 * max(0.0, waited[1] - waited[0]) / elapsed_s / len(self._cpus), 3))


class WatchedSut:
    """A system under test with sensor readings around its timed section.

    LoadGen loads samples before the first query and unloads them after the last completion.
    """

    def __init__(self, sut: SystemUnderTest, watch: MachineWatch, issue: Issue | None = None) -> None:
        """Watch a system; `issue` is called in place of its own."""
        self._sut, self._watch = sut, watch
        # LoadGen calls `issue` of the system under test directly, so that watching costs no time.
        self.issue, self.stop, self.streams_as = issue or sut.issue, sut.stop, sut.streams_as

    def load(self, indices: Sequence[int]) -> None:
        """Load samples, then read the sensors."""
        self._sut.load(indices)
        self._watch.begin()

    def unload(self, indices: Sequence[int]) -> None:
        """Read the sensors again, then release the samples."""
        self._watch.end()
        self._sut.unload(indices)
