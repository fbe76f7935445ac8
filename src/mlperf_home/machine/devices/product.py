"""What kind of machine the firmware says this is: DMI on x86 and servers, the device tree on Arm boards."""

from __future__ import annotations

import re
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
