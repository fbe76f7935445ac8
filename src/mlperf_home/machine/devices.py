"""Disks, the file systems mounted from them, and network cards, from /sys/block and /sys/class/net.

Sources: kernel documentation, sysfs-block and sysfs-class-net.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_integer, read_line, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# /sys counts sectors of 512 bytes for every disk.
_SECTOR_BYTES = 512
# Memory, files, drives for removable media, and disks of another machine.
_NOT_LOCAL = re.compile(r"(loop|ram|zram|sr|fd|nbd|rbd|drbd)\d.*|mmcblk\d+(boot\d+|rpmb)")
# Volumes made of other block devices.
_STACKED = re.compile(r"(dm-|md|bcache|zd)\d.*|md_.*")
# Words in the names of the disks of hypervisors and clouds.
_VIRTUAL = re.compile(r"qemu|virtual|vbox|vmware|msft|persistentdisk|nvme_card|elastic block store", re.IGNORECASE)
_UNKNOWN_KIND = "disk of unknown kind"
# A line of mountinfo: the device's number, the kind of file system, and the source passed to `mount`.
_MOUNT = re.compile(r"\S+\s+\S+\s+(?P<number>\d+:\d+)\s.*? - (?P<kind>\S+)\s+(?P<source>\S+)")
# File systems of removable media and packed images.
_PACKED = {"squashfs", "iso9660", "udf", "erofs", "cramfs"}
# ARPHRD_* of the kernel's if_arp.h; other types (CAN, PPP, none) are not network cards.
_CARD_KINDS = {1: "Ethernet", 32: "InfiniBand"}
# Older kernels write an unknown speed as -1 in 16 or 32 bits.
_UNKNOWN_SPEEDS = {0, 0xFFFF, 0xFFFFFFFF}
_PCI_FUNCTION = re.compile(r"([0-9a-f]+:[0-9a-f]+:[0-9a-f]+)\.[0-9a-f]")
_MBIT_PER_GBIT = 1000


@dataclass(frozen=True)
class Disk:
    """A built-in disk, by the kernel's name ("nvme0n1").

    Its kind is "NVMe SSD", "NVMe HDD", "SSD", "HDD", "SD card", "eMMC", "virtual disk", "persistent memory" or "disk
    of unknown kind".
    """

    name: str
    size_bytes: int
    kind: str


@dataclass(frozen=True)
class Storage:
    """The built-in disks and the total size of the block devices with mounted local file systems, each counted once.

    `missing` maps the name of each None or empty value to the reason.
    """

    disks: tuple[Disk, ...]
    file_systems_bytes: int | None
    missing: Mapping[str, str] = field(default_factory=dict)


def read_storage(root: Path) -> Storage:
    """Read root's /sys/block and /proc/self/mountinfo (proc_pid_mountinfo(5)).

    Removable devices and devices without a size are excluded.
    """
    missing: dict[str, str] = {}
    local = [folder for folder in sorted((root / "sys/block").glob("*")) if _is_local(folder)]
    built_in = [folder for folder in local if not _STACKED.fullmatch(folder.name)]
    if not built_in:
        missing["disks"] = "/sys/block has no disk that is built in"
    # Disks, their partitions, and the volumes made of them.
    devices = [*local, *(part.parent for folder in local for part in sorted(folder.glob("*/partition")))]
    mounted = _mounted(root, {folder.name: folder for folder in devices})
    if not mounted:
        missing["file_systems_bytes"] = "no mounted file system belongs to a visible disk"
    disks = tuple(Disk(folder.name, _size_bytes(folder), _disk_kind(folder)) for folder in built_in)
    return Storage(disks, sum(map(_size_bytes, mounted)) or None, missing)


def _is_local(folder: Path, above: frozenset[Path] = frozenset()) -> bool:
    """Whether a device of /sys/block is built in; a volume is, if one of its parts is."""
    if folder in above or _NOT_LOCAL.fullmatch(folder.name) or not _size_bytes(folder):
        return False
    if read_integer(folder / "removable") == 1 or read_integer(folder / "hidden") == 1:
        return False
    block, parts = folder.parent, [part.name for part in (folder / "slaves").glob("*")]
    # A part is a disk or a partition; a partition lies in the folder of its disk.
    disks = [disk for name in parts for disk in (block / name, *(part.parent for part in block.glob(f"*/{name}")))]
    return not parts or any(_is_local(disk, above | {folder}) for disk in disks)


def _mounted(root: Path, by_name: dict[str, Path]) -> set[Path]:
    """Return the block devices that have a mounted file system."""
    # As in mountinfo: "major:minor".
    by_number = {number: folder for folder in by_name.values() if (number := read_text(folder / "dev"))}
    for folder in (root / "sys/block").glob("dm-*"):
        volume = read_line(folder / "dm/name")
        if volume and folder.name in by_name:
            by_name[volume] = by_name[folder.name]
    mounted: set[Path] = set()
    for mount in map(_MOUNT.match, (read_text(root / "proc/self/mountinfo") or "").splitlines()):
        if mount is not None and mount["kind"] not in _PACKED:
            # btrfs uses a device number of its own; its source names one of its devices.
            device = by_number.get(mount["number"]) or by_name.get(mount["source"].rpartition("/")[2])
            if device is None:
                continue
            members = {device.name}
            if mount["kind"] == "btrfs":
                folders = (root / "sys/fs/btrfs").glob("*/devices")
                systems = ({member.name for member in folder.iterdir()} for folder in folders)
                members = next((names for names in systems if device.name in names), members)
            mounted |= {by_name[name] for name in members if name in by_name}
    return mounted


def _size_bytes(folder: Path) -> int:
    return (read_integer(folder / "size") or 0) * _SECTOR_BYTES


def _disk_kind(folder: Path) -> str:
    name = folder.name
    model = " ".join(read_line(folder / "device" / attribute) or "" for attribute in ("vendor", "model"))
    if name.startswith(("vd", "xvd")) or _VIRTUAL.search(model):
        return "virtual disk"
    if name.startswith("pmem"):
        return "persistent memory"
    if name.startswith("mmcblk"):
        card = read_line(folder / "device/type")
        return {"SD": "SD card", "MMC": "eMMC"}.get(card or "", _UNKNOWN_KIND)
    rotational = read_integer(folder / "queue/rotational")
    if name.startswith("nvme"):
        return "NVMe HDD" if rotational == 1 else "NVMe SSD"
    return {0: "SSD", 1: "HDD"}.get(-1 if rotational is None else rotational, _UNKNOWN_KIND)


@dataclass(frozen=True)
class Port:
    """An interface ("eth0") of a network card.

    `card` is the device's name without the number of its function; `kind` is "Ethernet", "InfiniBand" or "Wi-Fi".
    `speed_mbit_per_s` is the negotiated speed, None if unknown.
    """

    name: str
    card: str
    kind: str
    speed_mbit_per_s: int | None

    def describe(self) -> str:
        """Describe the port: "25 Gb/s Ethernet"."""
        speed = self.speed_mbit_per_s
        if self.kind == "Wi-Fi":
            return self.kind
        if speed is None:
            return f"{self.kind} of unknown speed"
        number = f"{speed / _MBIT_PER_GBIT:g} Gb/s" if speed >= _MBIT_PER_GBIT else f"{speed} Mb/s"
        return f"{number} {self.kind}"


@dataclass(frozen=True)
class Network:
    """The ports of the visible network cards, sorted by interface name.

    `missing` maps "ports" to the reason why there are none, and an interface's name to the reason why its speed is
    unknown.
    """

    ports: tuple[Port, ...]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def cards(self) -> int:
        """The number of cards to which the ports belong."""
        return len({port.card for port in self.ports})

    def describe(self) -> str:
        """Describe the ports: "2 x 25 Gb/s Ethernet, Wi-Fi"; empty without ports."""
        counted = Counter(port.describe() for port in self.ports)
        return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items())


def read_network(root: Path) -> Network:
    """Read root's /sys/class/net; the interfaces of cards have a device and are not virtual functions."""
    folder = root / "sys/class/net"
    ports = tuple(port for interface in sorted(folder.glob("*")) if (port := _port(interface)))
    missing = {
        port.name: "the kernel does not report its speed (usual in virtual machines and without a link)"
        for port in ports
        if port.speed_mbit_per_s is None and port.kind != "Wi-Fi"
    }
    if not ports:
        # A container has interfaces of its own: the machine may still have a card.
        missing["ports"] = "no interface belongs to a network card (usual in containers)"
    return Network(ports, missing)


def _port(folder: Path) -> Port | None:
    device = folder / "device"
    if any((folder / name).exists() for name in ("wireless", "phy80211")):
        kind: str | None = "Wi-Fi"
    else:
        kind = _CARD_KINDS.get(read_integer(folder / "type") or 0)
    if kind is None or not os.path.lexists(device) or os.path.lexists(device / "physfn"):
        return None
    card = device.parent.name
    if device.is_symlink():
        # "0000:3b:00" for both functions of a PCI card; "1-1" for a USB adapter.
        name = device.readlink().name
        pci = _PCI_FUNCTION.fullmatch(name)
        card = pci[1] if pci else name.partition(":")[0]
    speed = read_integer(folder / "speed")
    return Port(folder.name, card, kind, None if speed in _UNKNOWN_SPEEDS else speed)
