"""Clock, governor, temperature and throttling of the CPUs, as the kernel tells them at one moment.

Sources: the kernel's documentation of cpufreq (policy files), thermal-throttle counters of x86 (`thermal_throttle`),
hwmon (`temp*_input` in thousandths of a degree) and thermal zones (`temp`, the same unit).
"""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.cpu.cpuinfo import read_cpuinfo
from mlperf_home.machine.cpu.sysfs import CPUS
from mlperf_home.machine.sensors.readings import Reading, unknown
from scriptgraph.files.kernel_files import read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Drivers of the processor's own sensors; others measure disks, boards or batteries.
_CHIPS = {"coretemp", "k10temp", "zenpower", "cpu_thermal"}
_FREQUENCIES = ("frequency_mhz", "frequency_lowest_mhz", "frequency_highest_mhz")
_ZONE = re.compile(r"x86_pkg_temp|(cpu|soc|cluster).*")


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
