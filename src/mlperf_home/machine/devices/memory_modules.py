"""Memory modules, from the text of `dmidecode -t memory`, which only root can ask for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.devices.product import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping

# Run it as root, with LC_ALL=C.
DMIDECODE = ("dmidecode", "-t", "memory")
_SIZE = re.compile(r"(\d{1,12}) (kB|[KMGT]i?B)")
_KIB_EXPONENT = {"K": 0, "M": 1, "G": 2, "T": 3}
_SPEEDS = ("Configured Memory Speed", "Configured Clock Speed", "Speed")
_UNTOLD = {"", "Other", "<OUT OF SPEC>"}


@dataclass(frozen=True)
class MemoryModule:
    """One module that is plugged in: "DDR5", "DIMM" or "SODIMM", running at "4800 MT/s"; None if it is not told."""

    size_bytes: int
    kind: str | None
    form_factor: str | None
    speed: str | None


def parse_modules(text: str | None) -> tuple[MemoryModule, ...]:
    """Read dmidecode's text; empty slots are left out, and so is what tells no size."""
    modules = []
    for block in re.split(r"\n\s*\n", text or ""):
        lines = [line.strip() for line in block.splitlines()]
        if "Memory Device" in lines:
            pairs = (line.partition(":") for line in lines if ":" in line)
            modules.append(_module({name.strip(): value.strip() for name, _, value in pairs}))
    return tuple(module for module in modules if module is not None)


def describe_modules(modules: tuple[MemoryModule, ...]) -> str:
    """Say what is plugged in: "8 x 64 GiB DDR5 DIMM at 4800 MT/s", one part for each kind of module."""
    parts = []
    for module, count in Counter(modules).items():
        size_mib = module.size_bytes >> 20
        size = f"{size_mib >> 10} GiB" if size_mib % 1024 == 0 else f"{size_mib} MiB"
        words = [size, *(word for word in (module.kind, module.form_factor) if word)]
        parts.append(f"{count} x {' '.join(words)}" + (f" at {module.speed}" if module.speed else ""))
    return ", ".join(parts)


def _module(fields: Mapping[str, str]) -> MemoryModule | None:
    size = _SIZE.fullmatch(fields.get("Size", ""))
    if size is None or int(size[1]) == 0:
        return None
    return MemoryModule(
        size_bytes=int(size[1]) << 10 * (1 + _KIB_EXPONENT[size[2][0].upper()]),
        kind=_told(fields, "Type"),
        form_factor=_told(fields, "Form Factor"),
        speed=next((speed for speed in (_told(fields, name) for name in _SPEEDS) if speed), None),
    )


def _told(fields: Mapping[str, str], name: str) -> str | None:
    value = fields.get(name, "")
    return None if value in _UNTOLD or is_placeholder(value) else value
