"""Read /proc/cpuinfo, whose fields differ between x86 and Arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.cpu.arm_names import core_name, implementer_name

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class CpuInfo:
    """The processors that /proc/cpuinfo lists.

    Attributes:
        processors: one mapping for each logical CPU.
    """

    processors: tuple[dict[str, str], ...]

    @property
    def features(self) -> frozenset[str]:
        """Instruction sets that every processor has ("flags" on x86, "Features" on Arm)."""
        each = [frozenset((cpu.get("flags") or cpu.get("Features") or "").split()) for cpu in self.processors]
        return frozenset.intersection(*each) if each else frozenset()

    @property
    def vendor(self) -> str | None:
        """Who made it."""
        names = {cpu.get("vendor_id") or _implementer(cpu) for cpu in self.processors}
        return " + ".join(sorted(name for name in names if name)) or None

    @property
    def model_name(self) -> str | None:
        """Its name; of Arm cores, the name of the design."""
        names = [cpu.get("model name") or _core(cpu) for cpu in self.processors]
        return " + ".join(dict.fromkeys(name for name in names if name)) or None

    @property
    def core_numbers(self) -> str | None:
        """What an Arm core tells in place of a name: "CPU implementer 0x41, CPU part 0xd0c"."""
        names = ("CPU implementer", "CPU part")
        told = [", ".join(f"{name} {cpu[name]}" for name in names) for cpu in self.processors if set(names) <= set(cpu)]
        return " + ".join(dict.fromkeys(told)) or None

    @property
    def frequency_mhz(self) -> float | None:
        """What the processors run at now, on average, where the kernel tells (x86)."""
        values = [float(cpu["cpu MHz"]) for cpu in self.processors if _is_number(cpu.get("cpu MHz", ""))]
        return sum(values) / len(values) if values else None

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
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return CpuInfo(())
    blocks = [_block(block) for block in text.split("\n\n")]
    # 32-bit Arm kernels end with a block about the board.
    return CpuInfo(tuple(block for block in blocks if "processor" in block))


def _block(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _implementer(cpu: dict[str, str]) -> str | None:
    number = _hexadecimal(cpu.get("CPU implementer", ""))
    return None if number is None else implementer_name(number)


def _core(cpu: dict[str, str]) -> str | None:
    maker, part = _hexadecimal(cpu.get("CPU implementer", "")), _hexadecimal(cpu.get("CPU part", ""))
    return None if maker is None or part is None else core_name(maker, part)


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False
