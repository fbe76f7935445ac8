"""The machine's product and memory modules, from its firmware.

The product is in DMI on x86 and servers, in the device tree on Arm boards. The modules are in the output of
`dmidecode -t memory`, which needs root.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_integer, read_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DMI = "sys/class/dmi/id"
_DEVICE_TREES = ("proc/device-tree/model", "sys/firmware/devicetree/base/model")
# Placeholders that makers leave in place of a name, in lower case and without punctuation.
_PLACEHOLDERS = {
    *("to be filled by o e m", "to be filled by oem", "o e m", "oem", "default string", "default"),
    *("system product name", "product name", "system name", "all series", "not specified", "not applicable"),
    *("not available", "none", "unknown", "undefined", "empty", "invalid", "n a", "na", "null", "0123456789"),
}
# The chassis types that name a use (SMBIOS reference specification DSP0134, section 7.4.1).
_CHASSIS = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14, 31, 32), "laptop"),
    **dict.fromkeys((17, 23, 25, 28, 29), "server"),
    **dict.fromkeys((33, 34), "embedded system"),
}
# The command that prints the modules; run it as root with LC_ALL=C.
DMIDECODE = ("dmidecode", "-t", "memory")
_SIZE = re.compile(r"(\d{1,12}) (kB|[KMGT]i?B)")
_KIB_EXPONENT = {"K": 0, "M": 1, "G": 2, "T": 3}
_SPEEDS = ("Configured Memory Speed", "Configured Clock Speed", "Speed")
_UNKNOWN = {"", "Other", "<OUT OF SPEC>"}


@dataclass(frozen=True)
class MachineProduct:
    """The maker's name of the machine: "PowerEdge R7625", "Raspberry Pi 4 Model B Rev 1.2", "c6g.2xlarge".

    Its chassis is "desktop", "laptop", "server" or "embedded system"; `missing` holds the reason for each None.
    """

    name: str | None
    chassis: str | None
    missing: Mapping[str, str] = field(default_factory=dict)


def read_product(root: Path) -> MachineProduct:
    """Read root's /sys/class/dmi/id, else the device tree's model."""
    missing: dict[str, str] = {}
    product_name = read_line(root / _DMI / "product_name")
    model = next((line for line in (read_line(root / path) for path in _DEVICE_TREES) if line), None)
    name = next((text for text in (product_name, model) if text and not is_placeholder(text)), None)
    if name is None:
        missing["name"] = (
            f'the firmware\'s product name "{product_name}" is a placeholder'
            if product_name
            else "neither DMI nor the device tree names the product"
        )
    chassis = _CHASSIS.get(read_integer(root / _DMI / "chassis_type") or 0)
    if chassis is None:
        missing["chassis"] = "the firmware names no chassis type"
    return MachineProduct(name, chassis, missing)


def is_placeholder(text: str) -> bool:
    """Whether a text of the firmware is a placeholder for a name."""
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    return words in _PLACEHOLDERS or len(set(words.replace(" ", ""))) <= 1


@dataclass(frozen=True)
class MemoryModule:
    """One installed module: "DDR5", "DIMM" or "SODIMM", "4800 MT/s"; unknown values are None."""

    size_bytes: int
    kind: str | None
    form_factor: str | None
    speed: str | None


def parse_modules(text: str | None) -> tuple[MemoryModule, ...]:
    """Parse dmidecode's output; slots that are empty or of unknown size are excluded."""
    modules = []
    for block in re.split(r"\n\s*\n", text or ""):
        lines = [line.strip() for line in block.splitlines()]
        pairs = (line.partition(":") for line in lines if ":" in line)
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        size = _SIZE.fullmatch(fields.get("Size", ""))
        if "Memory Device" in lines and size and int(size[1]):
            size_bytes = int(size[1]) << 10 * (1 + _KIB_EXPONENT[size[2][0].upper()])
            speed = next((speed for speed in (_known(fields, name) for name in _SPEEDS) if speed), None)
            modules.append(MemoryModule(size_bytes, _known(fields, "Type"), _known(fields, "Form Factor"), speed))
    return tuple(modules)


def describe_modules(modules: tuple[MemoryModule, ...]) -> str:
    """Describe the modules, one part for each kind: "8 x 64 GiB DDR5 DIMM at 4800 MT/s"."""
    parts = []
    for module, count in Counter(modules).items():
        size_mib = module.size_bytes >> 20
        size = f"{size_mib >> 10} GiB" if size_mib % 1024 == 0 else f"{size_mib} MiB"
        words = [size, *(word for word in (module.kind, module.form_factor) if word)]
        parts.append(f"{count} x {' '.join(words)}" + (f" at {module.speed}" if module.speed else ""))
    return ", ".join(parts)


def _known(fields: Mapping[str, str], name: str) -> str | None:
    value = fields.get(name, "")
    return None if value in _UNKNOWN or is_placeholder(value) else value
