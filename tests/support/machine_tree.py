"""A fake /proc and /sys, whose files a test changes between two readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_POWERCAP = "sys/class/powercap"


@dataclass(frozen=True)
class MachineTree:
    """A machine with two CPUs; it has only the files that a test writes."""

    root: Path

    def write(self, path: str, content: object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n", "ascii")

    def ticks(self, *, busy: int = 0, idle: int = 0, steal: int = 0) -> None:
        """Write the time counters of three CPUs; the third is not ours and is always busy."""
        line = f"{busy} 0 0 {idle} 0 0 0 {steal} 0 0"
        rows = [f"cpu  {line}", f"cpu0 {line}", f"cpu1 {line}", f"cpu2 {10 * busy + 999} 0 0 0 0 0 0 9 0 0", "intr 1 0"]
        self.write("proc/stat", "\n".join(rows))

    def clock(self, *mhz: int, governor: str = "performance") -> None:
        for cpu, value in enumerate(mhz):
            self.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", value * 1000)
            self.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", governor)

    def package(self, number: int, energy_j: float, *, range_j: int = 262_143, limit_w: int | None = None) -> None:
        zone = f"{_POWERCAP}/intel-rapl:{number}"
        self.write(f"{zone}/name", f"package-{number}")
        self.write(f"{zone}/energy_uj", int(energy_j * 1e6))
        self.write(f"{zone}/max_energy_range_uj", range_j * 10**6)
        if limit_w is not None:
            self.write(f"{zone}/constraint_0_power_limit_uw", limit_w * 10**6)

    def other_zone(self, zone: str, name: str, energy_j: int) -> None:
        self.write(f"{_POWERCAP}/{zone}/name", name)
        self.write(f"{_POWERCAP}/{zone}/energy_uj", energy_j * 10**6)
        self.write(f"{_POWERCAP}/{zone}/max_energy_range_uj", 10**12)

    def throttled(self, count: int) -> None:
        self.write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", count)
        self.write("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", 0)
