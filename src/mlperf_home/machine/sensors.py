"""Clock, governor, temperature, throttling and energy of the processor, as the kernel tells them at one moment.

Sources: the kernel's documentation of cpufreq (policy files), thermal-throttle counters of x86 (`thermal_throttle`),
hwmon (`temp*_input` in thousandths of a degree), thermal zones (`temp`, the same unit) and powercap: RAPL's `energy_uj`
counts microjoules and starts again at `max_energy_range_uj`; top-level zones are packages, and on some machines `psys`,
which has everything in it once more.

Whose the processors' time was (ours, other programs', other machines': steal) comes from two looks. Sources: proc(5),
the `cpuN` lines of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal in ticks; user has guest time. Of
processes: stat (utime and stime, in ticks), status (nonvoluntary_ctxt_switches), smaps_rollup (Private_*). The
processes of the streams are looked at while they live: this process's own figures leave them out until they end.
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

from mlperf_home.contracts.readings import Reading
from mlperf_home.machine.cpu.cpuinfo import read_cpuinfo
from mlperf_home.machine.cpu.sysfs import CPUS
from mlperf_home.machine.readings import unknown
from scriptgraph.files.kernel_files import read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Drivers of the processor's own sensors; others measure disks, boards or batteries.
_CHIPS = {"coretemp", "k10temp", "zenpower", "cpu_thermal"}
_FREQUENCIES = ("frequency_mhz", "frequency_lowest_mhz", "frequency_highest_mhz")
_ZONE = re.compile(r"x86_pkg_temp|(cpu|soc|cluster).*")
# No package sold so far takes more for minutes; with it, whether a counter went round more than once can be told.
_LARGEST_POWER_W = 500.0
_MICRO = 1e-6
_FIELDS = 8
# The kernel counts in ticks of mostly 10 ms on each CPU: below a second their rounding alone is a percent.
_SHORTEST_S = 1.0
_USER_TIME = 11
_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", re.MULTILINE)
_SWITCHES = re.compile(r"^nonvoluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Sensors:
    """The clocks of the CPUs that tell theirs, or the reason why none does, and other sensors at one moment.

    Governors in use are joined by commas; the temperature is that of the hottest of the processor's sensors; throttling
    is counted since the processor was started.
    """

    frequencies_mhz: tuple[float, ...]
    frequency_reason: str
    governor: Reading
    temperature_c: Reading
    throttle_count: Reading

    def frequencies(self, moment: str) -> dict[str, Reading]:
        """Summarise the clocks: median, lowest and highest, by name with unit and moment ("before")."""
        known = self.frequencies_mhz
        if not known:
            return dict.fromkeys((f"{name}_{moment}" for name in _FREQUENCIES), unknown(self.frequency_reason))
        values = (statistics.median(known), min(known), max(known))
        return {f"{name}_{moment}": Reading(value) for name, value in zip(_FREQUENCIES, values, strict=True)}


def read_sensors(root: Path, cpus: Sequence[int]) -> Sensors:
    """Read the sensors from /proc and /sys below `root`, and of the CPUs those that the process may run on."""
    folders = [root / CPUS / f"cpu{cpu}" for cpu in cpus]
    clocks_khz = [read_whole(folder / "cpufreq/scaling_cur_freq") for folder in folders]
    clocks_mhz = tuple(clock_khz / 1000 for clock_khz in clocks_khz if clock_khz)
    if not clocks_mhz:
        clocks_mhz = tuple(clock for cpu, clock in read_cpuinfo(root).clocks_mhz.items() if cpu in cpus)
    governors = sorted({name for folder in folders if (name := read_text(folder / "cpufreq/scaling_governor"))})
    counters = [
        folder / f"thermal_throttle/{kind}_throttle_count" for folder in folders for kind in ("core", "package")
    ]
    throttled = [count for counter in counters if (count := read_whole(counter)) is not None]
    no_governor = unknown("there is no cpufreq here, as in most virtual machines")
    return Sensors(
        frequencies_mhz=clocks_mhz,
        frequency_reason="" if clocks_mhz else "neither cpufreq nor /proc/cpuinfo tells the clock",
        governor=Reading(",".join(governors)) if governors else no_governor,
        temperature_c=_temperature(root),
        throttle_count=Reading(float(sum(throttled))) if throttled else unknown("the kernel counts no throttling here"),
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
    known = [value / 1000 for path in inputs if (value := read_whole(path, signed=True)) is not None]
    return Reading(max(known)) if known else unknown("no sensor of the processor's temperature is there")


@dataclass(frozen=True)
class Package:
    """A package's counter: where it stands and where it starts again, in joules, and the power it may take for long."""

    energy_j: float
    range_j: float
    power_limit_w: float


@dataclass(frozen=True)
class EnergyLook:
    """The packages by their zones' names; empty, with the reason, where the energy cannot be told."""

    packages: Mapping[str, Package]
    reason: str = ""


def look_at_energy(root: Path) -> EnergyLook:
    """Read the packages' counters."""
    zones = [
        zone
        for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        if (read_text(zone / "name") or "").startswith("package")
    ]
    if not zones:
        return EnergyLook({}, "this machine has no RAPL counters in /sys/class/powercap")
    packages = {}
    for zone in zones:
        energy_uj, range_uj = read_whole(zone / "energy_uj"), read_whole(zone / "max_energy_range_uj")
        if energy_uj is None or range_uj is None:
            return EnergyLook({}, "the RAPL counters cannot be read; most systems allow it to root alone")
        limit_uw = read_whole(zone / "constraint_0_power_limit_uw")
        limit_w = min(_LARGEST_POWER_W, limit_uw * _MICRO) if limit_uw else _LARGEST_POWER_W
        packages[zone.name] = Package(energy_uj * _MICRO, range_uj * _MICRO, limit_w)
    return EnergyLook(packages)


def energy_between(before: EnergyLook, after: EnergyLook, elapsed_s: float) -> Reading:
    """Return the joules of all packages between two looks.

    Unknown where a counter may have gone round more than once: nothing is read while a run is timed, so that long runs
    on strong machines with small counters cannot be told.
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
            text = f"the counter of {name} starts again after {start.range_j:.0f} J, perhaps more than once in the run"
            return unknown(text)
        total_j += used_j
    return Reading(round(total_j, 6))


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


def look_at_cpu_time(root: Path, cpus: Sequence[int]) -> CpuTime:
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


def cpu_time_between(before: CpuTime, after: CpuTime) -> dict[str, Reading]:
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
