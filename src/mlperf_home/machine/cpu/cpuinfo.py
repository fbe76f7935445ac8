"""Read /proc/cpuinfo, whose fields differ between x86 and Arm, and lscpu's text.

An Arm CPU has numbers where an x86 one has its name: implementer and part, fields of the MIDR_EL1 register (Arm
Architecture Reference Manual). arm_cores.json names them as the cores' technical reference manuals do. `lscpu -J`
(util-linux) is flat in most versions, nested in some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json, read_json
from scriptgraph.files.kernel_files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK = re.compile(r"\d+(?:\.\d+)?")
# Run it with LC_ALL=C: the names of the fields are translated.
LSCPU = ("lscpu", "-J")
# lscpu tells some hundred fields, on two or three levels.
_LIMITS = Limits(size=1 << 20, depth=16, values=10_000)
_UNITS = {"": 1, "B": 1, "K": 1 << 10, "KIB": 1 << 10, "M": 1 << 20, "MIB": 1 << 20, "G": 1 << 30, "GIB": 1 << 30}
_CACHE_LABEL = re.compile(r"(L\d[di]?)( cache)?")
_CACHE_VALUE = re.compile(r"([\d.]+)\s*([A-Za-z]*)(?:\s*\((\d+) instances?\))?")


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
        told = ((cpu["processor"], cpu.get("cpu MHz", "")) for cpu in self.processors)
        clocks = {int(cpu): float(clock) for cpu, clock in told if cpu.isdecimal() and _CLOCK.fullmatch(clock)}
        return {cpu: clock for cpu, clock in clocks.items() if clock > 0}

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
        named = {(cpu.get("physical id"), cpu.get("core id")) for cpu in self.processors}
        return len([each for each in named if None not in each]) or None


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
    names: dict[str, dict[str, str]] = read_json(Path(__file__).with_name("arm_cores.json"))
    return names


@dataclass(frozen=True)
class Lscpu:
    """Fields of lscpu by name, without the colon; "-" and empty values are left out.

    A CPU with several kinds of cores repeats fields, so each has a list.
    """

    fields: dict[str, list[str]]

    def text(self, name: str) -> str | None:
        """Return a field; different values of several kinds of cores are joined."""
        values = list(dict.fromkeys(self.fields.get(name, [])))
        return " + ".join(values) or None

    def numbers(self, name: str) -> list[float]:
        """Return a field as numbers, one for each kind of cores; empty where one is no number."""
        try:
            return [float(value.replace(",", ".")) for value in self.fields.get(name, [])]
        except ValueError:
            return []

    def count(self, name: str) -> int | None:
        """Return a field as a whole number, the first of several kinds of cores."""
        return next(map(int, self.numbers(name)), None)

    def total(self, name: str) -> int | None:
        """Return the sum of a field over the kinds of cores."""
        values = self.fields.get(name, [])
        return sum(map(int, values)) if values and all(value.isdecimal() for value in values) else None

    def caches(self) -> Iterator[tuple[str, int, int | None]]:
        """Return each cache: its name ("L1d"), the bytes of all instances together, and how many there are.

        Without the number of instances, lscpu before 2.34 gave the size of one of them, later
        ones the sum: then the size cannot be trusted.
        """
        for label, values in self.fields.items():
            named = _CACHE_LABEL.fullmatch(label)
            found = _CACHE_VALUE.fullmatch(values[0].strip()) if named else None
            if named and found and found[2].upper() in _UNITS:
                size = int(float(found[1]) * _UNITS[found[2].upper()])
                yield named[1], size, int(found[3]) if found[3] else None


def parse_lscpu(text: str | None) -> Lscpu | None:
    """Read lscpu's JSON; None where there is none, or it is not readable."""
    if not text:
        return None
    try:
        document = parse_json(text, " ".join(LSCPU), _LIMITS)
        fields: dict[str, list[str]] = {}
        for name, value in _walk(document["lscpu"]):
            fields.setdefault(name, []).append(value)
    except (DocumentError, KeyError, TypeError, AttributeError):
        return None
    return Lscpu(fields)


def _walk(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        value = str(entry.get("data") or "").strip()
        if value and value != "-":
            yield entry["field"].strip().rstrip(":").strip(), value
        yield from _walk(entry.get("children") or [])
