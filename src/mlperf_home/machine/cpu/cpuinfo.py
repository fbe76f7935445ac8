"""Read /proc/cpuinfo and the output of lscpu.

The fields of /proc/cpuinfo differ between x86 and Arm. An Arm CPU has the numbers of its implementer and part in place
of a name: fields of the MIDR_EL1 register (Arm Architecture Reference Manual). arm_cores.json holds their names from
the cores' technical reference manuals. The JSON of `lscpu -J` (util-linux) is flat in most versions, nested in some.
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
from scriptgraph.files.parsing import finite_number, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

# The digits are limited, since Python refuses to convert thousands of them.
_CLOCK = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_COUNT = re.compile(r"[0-9]{1,9}")
# Run with LC_ALL=C, because lscpu translates the names of its fields.
LSCPU = ("lscpu", "-J")
# lscpu tells some hundred fields, on two or three levels.
_LIMITS = Limits(size=1 << 20, depth=16, values=10_000)
_UNITS = {"": 1, "B": 1, "K": 1 << 10, "KIB": 1 << 10, "M": 1 << 20, "MIB": 1 << 20, "G": 1 << 30, "GIB": 1 << 30}
_CACHE_LABEL = re.compile(r"(L\d[di]?)( cache)?")
_CACHE_VALUE = re.compile(r"([\d.]{1,20})\s*([A-Za-z]*)(?:\s*\((\d+) instances?\))?")


@dataclass(frozen=True)
class CpuInfo:
    """The processors that /proc/cpuinfo lists: one mapping for each logical CPU."""

    processors: tuple[dict[str, str], ...]

    @property
    def features(self) -> frozenset[str]:
        """The instruction sets of every processor ("flags" on x86, "Features" on Arm)."""
        features = [frozenset((cpu.get("flags") or cpu.get("Features") or "").split()) for cpu in self.processors]
        return frozenset.intersection(*features) if features else frozenset()

    @property
    def vendor(self) -> str | None:
        """The maker."""
        names = {cpu.get("vendor_id") or _arm_names(cpu)[0] for cpu in self.processors}
        return " + ".join(sorted(name for name in names if name)) or None

    @property
    def model_name(self) -> str | None:
        """The model's name; for Arm cores, the design's name."""
        names = [cpu.get("model name") or _arm_names(cpu)[1] for cpu in self.processors]
        return " + ".join(dict.fromkeys(name for name in names if name)) or None

    @property
    def core_numbers(self) -> str | None:
        """The numbers of an Arm core: "CPU implementer 0x41, CPU part 0xd0c"."""
        keys = ("CPU implementer", "CPU part")
        numbers = [", ".join(f"{key} {cpu[key]}" for key in keys) for cpu in self.processors if set(keys) <= set(cpu)]
        return " + ".join(dict.fromkeys(numbers)) or None

    @property
    def clocks_mhz(self) -> dict[int, float]:
        """The present clock of each logical CPU, where the kernel reports it (x86)."""
        texts = ((cpu["processor"], cpu.get("cpu MHz", "")) for cpu in self.processors)
        clocks = ((whole_number(cpu), finite_number(clock)) for cpu, clock in texts if _CLOCK.fullmatch(clock))
        return {cpu: clock for cpu, clock in clocks if cpu is not None and clock}

    @property
    def frequency_mhz(self) -> float | None:
        """The mean present clock of the processors, where the kernel reports it (x86)."""
        clocks = self.clocks_mhz.values()
        return sum(clocks) / len(clocks) if clocks else None

    @property
    def sockets(self) -> int | None:
        """The number of packages, where the kernel reports it (x86)."""
        return len({cpu["physical id"] for cpu in self.processors if "physical id" in cpu}) or None

    @property
    def cores(self) -> int | None:
        """The number of physical cores in all packages, where the kernel reports it (x86)."""
        cores = set(self.core_of_each())
        return None if None in cores else len(cores) or None

    def core_of_each(self) -> list[str | None]:
        """Return an identifier for the physical core of each processor; None where the kernel does not report it."""
        pairs = ((cpu.get("physical id"), cpu.get("core id")) for cpu in self.processors)
        return [None if package is None or core is None else f"{package}:{core}" for package, core in pairs]


def read_cpuinfo(root: Path) -> CpuInfo:
    """Read root's proc/cpuinfo; an unreadable file has no processors."""
    blocks = []
    for block in (read_text(root / "proc/cpuinfo") or "").split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        blocks.append({key.strip(): value.strip() for key, _, value in pairs})
    # 32-bit Arm kernels add a block about the board at the end.
    return CpuInfo(tuple(block for block in blocks if "processor" in block))


def _arm_names(cpu: dict[str, str]) -> tuple[str | None, str | None]:
    """Return the names of an Arm core's maker and design, None if unknown (Apple's virtual machines hide the part)."""
    maker, part, names = cpu.get("CPU implementer", ""), cpu.get("CPU part", ""), _arm_cores()
    return names["implementers"].get(maker), names["cores"].get(f"{maker} {part}")


@cache
def _arm_cores() -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = read_json(Path(__file__).with_name("arm_cores.json"))
    return names


@dataclass(frozen=True)
class Lscpu:
    """The fields of lscpu by name without the colon; "-" and empty values are excluded.

    Each field is a list, because lscpu repeats fields for each kind of core.
    """

    fields: dict[str, list[str]]

    def text(self, name: str) -> str | None:
        """Return a field; the different values of several kinds of cores are joined by " + "."""
        values = list(dict.fromkeys(self.fields.get(name, [])))
        return " + ".join(values) or None

    def numbers(self, name: str) -> list[float]:
        """Return a field as numbers, one for each kind of core; empty if one is not a number above 0."""
        numbers = [finite_number(value.replace(",", ".")) for value in self.fields.get(name, [])]
        known = [number for number in numbers if number is not None and number > 0]
        return known if len(known) == len(numbers) else []

    def counts(self, name: str) -> list[int]:
        """Return a field as whole numbers, one for each kind of core; empty if one is not a whole number above 0."""
        counts = [whole_number(value) for value in self.fields.get(name, [])]
        known = [count for count in counts if count]
        return known if len(known) == len(counts) else []

    def count(self, name: str) -> int | None:
        """Return a field as a whole number, for the first kind of core; 0 is unknown."""
        return next(iter(self.counts(name)), None)

    def total(self, name: str) -> int | None:
        """Return the sum of a field over the kinds of cores; 0 is unknown."""
        return sum(self.counts(name)) or None

    def caches(self) -> Iterator[tuple[str, int, int | None]]:
        """Return each cache: its name ("L1d"), the total bytes of its instances, and their number.

        Without the number of instances the size is ambiguous: of one instance before lscpu 2.34, the sum since.
        """
        for label, values in self.fields.items():
            name = _CACHE_LABEL.fullmatch(label)
            value = _CACHE_VALUE.fullmatch(values[0].strip()) if name else None
            number = finite_number(value[1]) if value else None
            if name and value and number is not None and value[2].upper() in _UNITS:
                yield name[1], int(number * _UNITS[value[2].upper()]), whole_number(value[3] or "")


def parse_lscpu(text: str | None) -> Lscpu | None:
    """Parse lscpu's JSON; return None if it is missing or malformed."""
    if not text:
        return None
    try:
        document = parse_json(text, " ".join(LSCPU), _LIMITS)
        fields: dict[str, list[str]] = {}
        for name, value in _fields(document["lscpu"]):
            fields.setdefault(name, []).append(value)
    except (DocumentError, KeyError, TypeError, AttributeError):
        return None
    return Lscpu(fields)


def _fields(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        value = str(entry.get("data") or "").strip()
        if value and value != "-":
            yield entry["field"].strip().rstrip(":").strip(), value
        yield from _fields(entry.get("children") or [])
