"""Network cards, from /sys/class/net (kernel documentation, sysfs-class-net)."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# ARPHRD_* of the kernel's if_arp.h; other types (CAN, PPP, none) are no network cards.
_KINDS = {1: "Ethernet", 32: "InfiniBand"}
# "Not known" as older kernels wrote it, in 16 and in 32 bits.
_UNKNOWN_SPEEDS = {0, 0xFFFF, 0xFFFFFFFF}
_PCI_FUNCTION = re.compile(r"([0-9a-f]+:[0-9a-f]+:[0-9a-f]+)\.[0-9a-f]")
_MBIT_PER_GBIT = 1000


@dataclass(frozen=True)
class Port:
    """An interface ("eth0") that belongs to a card, which is named by its device without the function's number.

    Its kind is "Ethernet", "InfiniBand" or "Wi-Fi"; its speed is as negotiated, None if it is not told.
    """

    name: str
    card: str
    kind: str
    speed_mbit_per_s: int | None

    def describe(self) -> str:
        """Describe it: "25 Gb/s Ethernet"."""
        speed = self.speed_mbit_per_s
        if self.kind == "Wi-Fi":
            return self.kind
        if speed is None:
            return f"{self.kind} of unknown speed"
        number = f"{speed / _MBIT_PER_GBIT:g} Gb/s" if speed >= _MBIT_PER_GBIT else f"{speed} Mb/s"
        return f"{number} {self.kind}"


@dataclass(frozen=True)
class Network:
    """The ports of the network cards that can be seen, by the names of their interfaces.

    `missing` has why there are no ports, by "ports", and why a port has no speed, by its interface's name.
    """

    ports: tuple[Port, ...]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def cards(self) -> int:
        """How many cards the ports belong to."""
        return len({port.card for port in self.ports})

    def describe(self) -> str:
        """Describe the ports: "2 x 25 Gb/s Ethernet, Wi-Fi"; empty without ports."""
        counted = Counter(port.describe() for port in self.ports)
        return ", ".join(f"{count} x {what}" if count > 1 else what for what, count in counted.items())


def read_network(root: Path) -> Network:
    """Read root's /sys/class/net; a card is an interface with a device, and no virtual function of another."""
    folder = root / "sys/class/net"
    ports = tuple(port for each in sorted(folder.glob("*")) if (port := _port(each)))
    missing = {
        port.name: "the kernel does not tell its speed (usual in virtual machines, and without a link)"
        for port in ports
        if port.speed_mbit_per_s is None and port.kind != "Wi-Fi"
    }
    if not ports:
        # A container has interfaces of its own, so this does not say that there is no card.
        missing["ports"] = "no interface here belongs to a card (usual in containers)"
    return Network(ports, missing)


def _port(folder: Path) -> Port | None:
    device = folder / "device"
    if any((folder / name).exists() for name in ("wireless", "phy80211")):
        kind: str | None = "Wi-Fi"
    else:
        kind = _KINDS.get(read_whole(folder / "type") or 0)
    if kind is None or not os.path.lexists(device) or os.path.lexists(device / "physfn"):
        return None
    speed = read_whole(folder / "speed")
    return Port(folder.name, _card(device), kind, None if speed in _UNKNOWN_SPEEDS else speed)


def _card(device: Path) -> str:
    """Name the card: "0000:3b:00" for both functions of a PCI card, "1-1" for a USB adapter."""
    if not device.is_symlink():
        return device.parent.name
    name = device.readlink().name
    pci = _PCI_FUNCTION.fullmatch(name)
    return pci[1] if pci else name.partition(":")[0]
