"""Clock, governor, temperature and throttling of the CPUs, as the kernel tells them at one moment.

Sources: the kernel's documentation of cpufreq (policy files), thermal-throttle counters of x86 (`thermal_throttle`),
hwmon (`temp*_input` in thousandths of a degree) and thermal zones (`temp`, the same unit).
"""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.sensors.readings import Reading, read_text, read_whole, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CPUS = "sys/devices/system/cpu"
# Drivers of the processor's own sensors; others measure disks, boards or batteries.
_CHIPS = {"coretemp", "k10temp", "zenpower", "cpu_thermal"}
_FREQUENCIES = ("frequency_mhz", "frequency_lowest_mhz", "frequency_highest_mhz")
_ZONE = re.compile(r"x86_pkg_temp|(cpu|soc|cluster).*")


@dataclass(frozen=True)
class Sensors:
    """What the sensors say at one moment.

    Attributes:
        frequencies_mhz: the clock of each CPU that tells it; empty where none does.
        frequency_reason: why there is none.
        governor: the frequency governors in use, by commas.
        temperature_c: the hottest of the processor's sensors.
        throttle_count: how often the processor has slowed itself for heat since it was started.
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
    """Read everything.

    Args:
        root: where /proc and /sys are looked for.
        cpus: the CPUs that the process may run on; others do not matter to it.
    """
    clocks = _clocks(root, cpus)
    return Sensors(
        frequencies_mhz=clocks,
        frequency_reason="" if clocks else "neither cpufreq nor /proc/cpuinfo tells the clock",
        governor=_governor(root, cpus),
        temperature_c=_temperature(root),
        throttle_count=_throttle_count(root, cpus),
    )


def _clocks(root: Path, cpus: Sequence[int]) -> tuple[float, ...]:
    found = [read_whole(root / _CPUS / f"cpu{cpu}/cpufreq/scaling_cur_freq") for cpu in cpus]
    known = tuple(clock_khz / 1000 for clock_khz in found if clock_khz)
    return known or tuple(clock for cpu, clock in _cpuinfo_clocks(root) if cpu in cpus)


def _cpuinfo_clocks(root: Path) -> Iterator[tuple[int, float]]:
    """Give number and MHz of each CPU of /proc/cpuinfo; x86 alone writes them there."""
    cpu = -1
    for line in (read_text(root / "proc/cpuinfo") or "").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name == "processor" and value.isdecimal():
            cpu = int(value)
        elif name == "cpu MHz":
            try:
                yield cpu, float(value)
            except ValueError:
                continue


def _governor(root: Path, cpus: Sequence[int]) -> Reading:
    found = [read_text(root / _CPUS / f"cpu{cpu}/cpufreq/scaling_governor") for cpu in cpus]
    names = sorted({name for name in found if name})
    return Reading(",".join(names)) if names else unknown("there is no cpufreq here, as in most virtual machines")


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
    known = [value / 1000 for value in map(read_whole, inputs) if value is not None]
    return Reading(max(known)) if known else unknown("no sensor of the processor's temperature is there")


def _throttle_count(root: Path, cpus: Sequence[int]) -> Reading:
    counts = [
        read_whole(root / _CPUS / f"cpu{cpu}/thermal_throttle/{kind}_throttle_count")
        for cpu in cpus
        for kind in ("core", "package")
    ]
    known = [count for count in counts if count is not None]
    return Reading(float(sum(known))) if known else unknown("the kernel counts no throttling here")
