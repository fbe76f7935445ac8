"""Read /proc/cpuinfo, whose fields differ between x86 and Arm.

An Arm CPU has numbers where an x86 one has its name: implementer and part, fields of the MIDR_EL1 register (Arm
Architecture Reference Manual). arm_cores.json names them as the cores' technical reference manuals do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scriptgraph.files.kernel_files import read_text


@dataclass(frozen=True)
class CpuInfo:
    """The processors that /proc/cpuinfo lists: one mapping for each logical CPU."""

    processors: tuple[dict[str, str], ...]

    @property
    def features(self) -> frozenset[str]:
        """Instruction sets that every processor has ("flags" on x86, "Features" on Arm)."""
        each = [frozenset((cpu.get("flags") or cpu.get("Features") or "").split()) for cpu in self.processors]
        return frozenset.intersection(*each) if each else frozenset()

    @property
    def vendor(self) -> str | None:
        """Who made it."""
        names = {cpu.get("vendor_id") or _arm_names(cpu)[0] for cpu in self.processors}
        return " + ".join(sorted(name for name in names if name)) or None

    @property
    def model_name(self) -> str | None:
        """Its name; of Arm cores, the name of the design."""
        names = [cpu.get("model name") or _arm_names(cpu)[1] for cpu in self.processors]
        return " + ".join(dict.fromkeys(name for name in names if name)) or None

    @property
    def core_numbers(self) -> str | None:
        """An Arm core's numbers: "CPU implementer 0x41, CPU part 0xd0c"."""
        names = ("CPU implementer", "CPU part")
        told = [", ".join(f"{name} {cpu[name]}" for name in names) for cpu in self.processors if set(names) <= set(cpu)]
        return " + ".join(dict.fromkeys(told)) or None

    @property
    def clocks_mhz(self) -> dict[int, float]:
        """The present clock of each logical CPU for which the kernel has it (x86)."""
        numbers = ((cpu["processor"], _number(cpu.get("cpu MHz", ""))) for cpu in self.processors)
        return {int(cpu): clock for cpu, clock in numbers if cpu.isdecimal() and clock > 0}

    @property
    def frequency_mhz(self) -> float | None:
        """The present clock, on average over the processors, where the kernel has it (x86)."""
        clocks = self.clocks_mhz.values()
        return sum(clocks) / len(clocks) if clocks else None

    @property
    def sockets(self) -> int | None:
        """How many packages there are, where the kernel tells (x86)."""
        return len({cpu["physical id"] for cpu in self.processors if "physical id" in cpu}) or None

    @property
    def cores(self) -> int | None:
        """How many cores there are in all, where the kernel tells (x86)."""
        named = {
            (cpu["physical id"], cpu["core id"]) for cpu in self.processors if {"physical id", "core id"} <= set(cpu)
        }
        return len(named) or None


def read_cpuinfo(root: Path) -> CpuInfo:
    """Read root's proc/cpuinfo; without processors where it cannot be read."""
    blocks = []
    for block in (read_text(root / "proc/cpuinfo") or "").split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        blocks.append({key.strip(): value.strip() for key, _, value in pairs})
    # 32-bit Arm kernels end with a block about the board.
    return CpuInfo(tuple(block for block in blocks if "processor" in block))


def _arm_names(cpu: dict[str, str]) -> tuple[str | None, str | None]:
    """Name an Arm core's maker and its design; None where they are unknown (Apple's virtual machines hide the part)."""
    maker, part, names = cpu.get("CPU implementer", ""), cpu.get("CPU part", ""), _arm_cores()
    return names["implementers"].get(maker), names["cores"].get(f"{maker} {part}")


@cache
def _arm_cores() -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("arm_cores.json").read_text("utf-8"))
    return names


def _number(text: str) -> float:
    """Return a number; 0 where the text is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
