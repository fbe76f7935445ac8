"""What the firmware says of the machine: its product and its memory modules.

The product is in DMI on x86 and servers, in the device tree on Arm boards; the modules are in the text of
`dmidecode -t memory`, which only root can ask for.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_line, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DMI = "sys/class/dmi/id"
_DEVICE_TREES = ("proc/device-tree/model", "sys/firmware/devicetree/base/model")
# What makers leave where a name should be, in lower case and without punctuation.
_PLACEHOLDERS = {
    *("to be filled by o e m", "to be filled by oem", "o e m", "oem", "default string", "default"),
    *("system product name", "product name", "system name", "all series", "not specified", "not applicable"),
    *("not available", "none", "unknown", "undefined", "empty", "invalid", "n a", "na", "null", "0123456789"),
}
# Of the types of chassis those that name a use (SMBIOS reference specification DSP0134, section 7.4.1).
_CHASSIS = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14, 31, 32), "laptop"),
    **dict.fromkeys((17, 23, 25, 28, 29), "server"),
    **dict.fromkeys((33, 34), "embedded system"),
}
# Run it as root, with LC_ALL=C.
DMIDECODE = ("dmidecode", "-t", "memory")
_SIZE = re.compile(r"(\d{1,12}) (kB|[KMGT]i?B)")
_KIB_EXPONENT = {"K": 0, "M": 1, "G": 2, "T": 3}
_SPEEDS = ("Configured Memory Speed", "Configured Clock Speed", "Speed")
_UNTOLD = {"", "Other", "<OUT OF SPEC>"}


@dataclass(frozen=True)
class Product:
    """The machine as its maker names it: "PowerEdge R7625", "Raspberry Pi 4 Model B Rev 1.2", "c6g.2xlarge".

    Its chassis is "desktop", "laptop", "server" or "embedded system"; `missing` has the reason for each None.
    """

    name: str | None
    chassis: str | None
    missing: Mapping[str, str] = field(default_factory=dict)


def read_product(root: Path) -> Product:
    """Read root's /sys/class/dmi/id, else the device tree's model."""
    missing: dict[str, str] = {}
    told = read_line(root / _DMI / "product_name")
    model = next((line for line in (read_line(root / place) for place in _DEVICE_TREES) if line), None)
    name = next((each for each in (told, model) if each and not is_placeholder(each)), None)
    if name is None:
        missing["name"] = (
            f'the firmware says "{told}", which is no name'
            if told
            else "there is neither a DMI name nor a device tree's"
        )
    chassis = _CHASSIS.get(read_whole(root / _DMI / "chassis_type") or 0)
    if chassis is None:
        missing["chassis"] = "the firmware names no kind of chassis"
    return Product(name, chassis, missing)


def is_placeholder(text: str) -> bool:
    """Whether a text of the firmware only stands where a name should be."""
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    return words in _PLACEHOLDERS or len(set(words.replace(" ", ""))) <= 1


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
        pairs = (line.partition(":") for line in lines if ":" in line)
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        size = _SIZE.fullmatch(fields.get("Size", ""))
        if "Memory Device" in lines and size and int(size[1]):
            size_bytes = int(size[1]) << 10 * (1 + _KIB_EXPONENT[size[2][0].upper()])
            speed = next((speed for speed in (_told(fields, name) for name in _SPEEDS) if speed), None)
            modules.append(MemoryModule(size_bytes, _told(fields, "Type"), _told(fields, "Form Factor"), speed))
    return tuple(modules)


def describe_modules(modules: tuple[MemoryModule, ...]) -> str:
    """Describe what is plugged in: "8 x 64 GiB DDR5 DIMM at 4800 MT/s", one part for each kind of module."""
    parts = []
    for module, count in Counter(modules).items():
        size_mib = module.size_bytes >> 20
        size = f"{size_mib >> 10} GiB" if size_mib % 1024 == 0 else f"{size_mib} MiB"
        words = [size, *(word for word in (module.kind, module.form_factor) if word)]
        parts.append(f"{count} x {' '.join(words)}" + (f" at {module.speed}" if module.speed else ""))
    return ", ".join(parts)


def _told(fields: Mapping[str, str], name: str) -> str | None:
    value = fields.get(name, "")
    return None if value in _UNTOLD or is_placeholder(value) else value
