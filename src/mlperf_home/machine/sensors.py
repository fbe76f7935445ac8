"""Read the processor's clock, governor, temperature, throttling and energy, and the use of CPU time.

Sources: the kernel's documentation of cpufreq (policy files), thermal-throttle counters of x86 (`thermal_throttle`),
hwmon (`temp*_input` in thousandths of a degree), thermal zones (`temp`, the same unit) and powercap. RAPL's `energy_uj`
counts microjoules and wraps at `max_energy_range_uj`. Its top-level zones are the packages and, on some machines,
`psys`, which includes the packages.

Two readings of CPU time tell the shares of this process, of other programs and of other machines (steal). Sources:
proc(5); the `cpuN` lines of /proc/stat hold user, nice, system, idle, iowait, irq, softirq and steal in ticks, and user
includes guest time. For processes: stat (utime and stime, in ticks), status (nonvoluntary_ctxt_switches), smaps_rollup
(Private_*). The streams' processes are read while they live, because getrusage counts them only after they end.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.readings import Reading
from mlperf_home.machine.cpu.cpuinfo import read_cpuinfo
from mlperf_home.machine.cpu.sysfs import CPUS
from mlperf_home.machine.readings import unknown
from scriptgraph.files.kernel_files import read_integer, read_text
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Drivers of the processor's sensors; others measure disks, boards or batteries.
_CHIPS = {"coretemp", "k10temp", "zenpower", "cpu_thermal"}
_FREQUENCIES = ("frequency_mhz", "frequency_lowest_mhz", "frequency_highest_mhz")
_ZONE = re.compile(r"x86_pkg_temp|(cpu|soc|cluster).*")
# No package on sale draws more for minutes; the bound shows whether a counter can wrap twice in a run.
_LARGEST_POWER_W = 500.0
_MICRO = 1e-6
_FIELDS = 8
# The kernel's ticks are mostly 10 ms; below a second their rounding alone is one percent.
_SHORTEST_S = 1.0
_USER_TIME = 11
_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", re.MULTILINE)
_SWITCHES = re.compile(r"^nonvoluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Sensors:
    """The processor's sensors at one moment.

    `frequency_reason` tells why no clock is known. `governor` joins the governors in use by commas. `temperature_c` is
    that of the processor's hottest sensor. `throttle_count` starts at boot.
    """

    frequencies_mhz: tuple[float, ...]
    frequency_reason: str
    governor: Reading
    temperature_c: Reading
    throttle_count: Reading

    def frequencies(self, moment: str) -> dict[str, Reading]:
        """Return the median, lowest and highest clock by name, unit and moment: "frequency_mhz_before"."""
        known = self.frequencies_mhz
        if not known:
            return dict.fromkeys((f"{name}_{moment}" for name in _FREQUENCIES), unknown(self.frequency_reason))
        values = (statistics.median(known), min(known), max(known))
        return {f"{name}_{moment}": Reading(value) for name, value in zip(_FREQUENCIES, values, strict=True)}


def read_sensors(root: Path, cpus: Sequence[int]) -> Sensors:
    """Read the sensors of `cpus`, on which the process may run, from /proc and /sys below `root`."""
    folders = [root / CPUS / f"cpu{cpu}" for cpu in cpus]
    clocks_khz = [read_integer(folder / "cpufreq/scaling_cur_freq") for folder in folders]
    clocks_mhz = tuple(clock_khz / 1000 for clock_khz in clocks_khz if clock_khz)
    if not clocks_mhz:
        clocks_mhz = tuple(clock for cpu, clock in read_cpuinfo(root).clocks_mhz.items() if cpu in cpus)
    governors = sorted({name for folder in folders if (name := read_text(folder / "cpufreq/scaling_governor"))})
    counters = [
        folder / f"thermal_throttle/{kind}_throttle_count" for folder in folders for kind in ("core", "package")
    ]
    throttled = [count for counter in counters if (count := read_integer(counter)) is not None]
    no_governor = unknown("the kernel has no cpufreq (usual in virtual machines)")
    return Sensors(
        frequencies_mhz=clocks_mhz,
        frequency_reason="" if clocks_mhz else "neither cpufreq nor /proc/cpuinfo has the clock",
        governor=Reading(",".join(governors)) if governors else no_governor,
        temperature_c=_temperature(root),
        throttle_count=Reading(float(sum(throttled))) if throttled else unknown("the kernel does not count throttling"),
    )


def _temperature(root: Path) -> Reading:
    inputs = [
        path
        for chip in sorted((root / "sys/class/hwmon").glob("hwmon*"))
        if read_text(chip / "name") in _CHIPS
        for path in sorted(chip.glob("temp*_input"))
    ]
    inputs += [
        zone / "temp"
        for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*"))
        if _ZONE.fullmatch((read_text(zone / "type") or "").lower())
    ]
    known = [value / 1000 for path in inputs if (value := read_integer(path, signed=True)) is not None]
    return Reading(max(known)) if known else unknown("the processor has no temperature sensor")


@dataclass(frozen=True)
class PackageEnergy:
    """A package's energy counter, the value at which it wraps, and the package's sustained power limit."""

    energy_j: float
    range_j: float
    power_limit_w: float


@dataclass(frozen=True)
class EnergyCounters:
    """The packages' counters by the zones' names; empty, with a reason, if the energy is unknown."""

    packages: Mapping[str, PackageEnergy]
    reason: str = ""


def read_energy(root: Path) -> EnergyCounters:
    """Read the packages' counters."""
    zones = [
        zone
        for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        if (read_text(zone / "name") or "").startswith("package")
    ]
    if not zones:
        return EnergyCounters({}, "the machine has no RAPL counters in /sys/class/powercap")
    packages = {}
    for zone in zones:
        energy_uj, range_uj = read_integer(zone / "energy_uj"), read_integer(zone / "max_energy_range_uj")
        if energy_uj is None or range_uj is None:
            return EnergyCounters({}, "the RAPL counters cannot be read; most machines allow only root")
        limit_uw = read_integer(zone / "constraint_0_power_limit_uw")
        limit_w = min(_LARGEST_POWER_W, limit_uw * _MICRO) if limit_uw else _LARGEST_POWER_W
        packages[zone.name] = PackageEnergy(energy_uj * _MICRO, range_uj * _MICRO, limit_w)
    return EnergyCounters(packages)


def energy_between(before: EnergyCounters, after: EnergyCounters, elapsed_s: float) -> Reading:
    """Return the joules that all packages used between two readings.

    Unknown if a counter may have wrapped more than once: counters are not read while a run is timed, so the energy of
    long runs on fast machines with small counters is ambiguous.
    """
    if not before.packages or not after.packages:
        return unknown(before.reason or after.reason)
    if before.packages.keys() != after.packages.keys():
        return unknown("the packages with RAPL counters changed during the run")
    total_j = 0.0
    for name, start in before.packages.items():
        used_j = after.packages[name].energy_j - start.energy_j
        if used_j < 0:
            used_j += start.range_j
        if used_j + start.range_j <= start.power_limit_w * elapsed_s:
            return unknown(f"the counter of {name} wraps at {start.range_j:.0f} J, perhaps more than once in the run")
        total_j += used_j
    return Reading(round(total_j, 6))


@dataclass(frozen=True)
class Usage:
    """The CPU time of processes so far: seconds of all threads, and the number of involuntary context switches."""

    cpu_s: float = 0.0
    involuntary_switches: int = 0


@dataclass(frozen=True)
class CpuTime:
    """The total time of `cpus` CPUs at one moment of the monotonic clock; None is unknown.

    The CPUs ran programs of this machine for `busy_s`; `used` is the share of this process. For `steal_s` they were
    ready to run, but the hypervisor ran another machine.
    """

    at_s: float
    busy_s: float | None
    steal_s: float | None
    used: Usage
    cpus: int


def own_usage() -> Usage:
    """Return the CPU time of this process and its children, ended or not."""
    resources = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    usages = [*(Usage(used.ru_utime + used.ru_stime, used.ru_nivcsw) for used in resources), stream_usage()]
    return Usage(sum(usage.cpu_s for usage in usages), sum(usage.involuntary_switches for usage in usages))


def stream_usage() -> Usage:
    """Return the CPU time of the living children of `multiprocessing`; unreadable ones count 0."""
    cpu_s, switches = 0.0, 0
    for folder in _stream_folders():
        # The name, in brackets, may contain spaces.
        _, _, fields = (read_text(folder / "stat") or "").rpartition(")")
        times = [whole_number(field) for field in fields.split()[_USER_TIME : _USER_TIME + 2]]
        cpu_s += sum(filter(None, times)) / os.sysconf("SC_CLK_TCK")
        switched = _SWITCHES.search(read_text(folder / "status") or "")
        switches += (whole_number(switched[1]) or 0) if switched else 0
    return Usage(cpu_s, switches)


def private_bytes() -> int:
    """Return the memory that the streams' processes do not share with this one.

    Never call it just before a timed section: the kernel walks through all pages of the processes.
    """
    sizes_kb = (_PRIVATE.findall(read_text(folder / "smaps_rollup") or "") for folder in _stream_folders())
    return 1024 * sum(whole_number(kb) or 0 for sizes in sizes_kb for kb in sizes)


def _stream_folders() -> list[Path]:
    return [Path("/proc") / str(process.pid) for process in multiprocessing.active_children()]


def read_cpu_time(root: Path, cpus: Sequence[int]) -> CpuTime:
    """Read the total time of `cpus`, on which the process may run."""
    lines = (line.split() for line in (read_text(root / "proc/stat") or "").splitlines())
    names = {f"cpu{cpu}" for cpu in cpus}
    chosen = (line for line in lines if len(line) > _FIELDS and line[0] in names)
    rows = [[whole_number(field) or 0 for field in line[1 : 1 + _FIELDS]] for line in chosen]
    at_s, used = time.monotonic(), own_usage()
    if not rows:
        return CpuTime(at_s, None, None, used, len(cpus))
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    user, nice, system, _idle, _iowait, irq, softirq, steal = (sum(column) for column in zip(*rows, strict=True))
    return CpuTime(at_s, (user + nice + system + irq + softirq) * tick_s, steal * tick_s, used, len(rows))


def cpu_time_between(before: CpuTime, after: CpuTime) -> dict[str, Reading]:
    """Return the shares of CPU time between two readings, in percent of the CPUs' capacity."""
    switches = Reading(float(after.used.involuntary_switches - before.used.involuntary_switches))
    elapsed_s = after.at_s - before.at_s
    names = ("steal_percent", "other_cpu_percent", "own_cpu_percent")
    if before.busy_s is None or before.steal_s is None or after.busy_s is None or after.steal_s is None:
        shares = dict.fromkeys(names, unknown("/proc/stat does not list the CPUs"))
    elif elapsed_s < _SHORTEST_S:
        reason = f"the run lasted {elapsed_s:.2f} s; the kernel's ticks are too coarse below {_SHORTEST_S:g} s"
        shares = dict.fromkeys(names, unknown(reason))
    else:
        ours_s = after.used.cpu_s - before.used.cpu_s
        # Both clocks are rounded separately, so a share may come out slightly negative.
        times_s = (max(0.0, after.steal_s - before.steal_s), max(0.0, after.busy_s - before.busy_s - ours_s), ours_s)
        capacity_s = elapsed_s * after.cpus
        shares = {name: Reading(round(100 * s / capacity_s, 3)) for name, s in zip(names, times_s, strict=True)}
    return {**shares, "involuntary_switches": switches}
