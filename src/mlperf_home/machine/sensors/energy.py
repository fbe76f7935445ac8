"""Energy of the processor's packages by RAPL, from two looks at its counters.

Source: the kernel's documentation of powercap: `energy_uj` counts microjoules and starts again at
`max_energy_range_uj`; top-level zones are packages, and on some machines `psys`, which has everything in it once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.sensors.readings import Reading, unknown
from scriptgraph.files.kernel_files import read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# No package sold so far takes more for minutes; with it, whether a counter went round more than once can be told.
_LARGEST_POWER_W = 500.0
_MICRO = 1e-6


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


def look(root: Path) -> EnergyLook:
    """Read the packages' counters."""
    zones = [
        zone
        for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        if (read_text(zone / "name") or "").startswith("package")
    ]
    if not zones:
        return EnergyLook({}, "this machine has no RAPL counters in /sys/class/powercap")
    found = {zone.name: _package(zone) for zone in zones}
    packages = {name: package for name, package in found.items() if package is not None}
    if len(packages) < len(found):
        return EnergyLook({}, "the RAPL counters cannot be read; most systems allow it to root alone")
    return EnergyLook(packages)


def _package(zone: Path) -> Package | None:
    energy_uj, range_uj = read_whole(zone / "energy_uj"), read_whole(zone / "max_energy_range_uj")
    if energy_uj is None or range_uj is None:
        return None
    limit_uw = read_whole(zone / "constraint_0_power_limit_uw")
    limit_w = _LARGEST_POWER_W if not limit_uw else min(_LARGEST_POWER_W, limit_uw * _MICRO)
    return Package(energy_uj * _MICRO, range_uj * _MICRO, limit_w)


def between(before: EnergyLook, after: EnergyLook, elapsed_s: float) -> Reading:
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
