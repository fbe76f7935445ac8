"""Disks, the file systems mounted from them, and network cards, from /sys/block and /sys/class/net.

Sources: kernel documentation, sysfs-block and sysfs-class-net.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_line, read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# /sys counts in these whatever the disk's own sectors are.
_SECTOR_BYTES = 512
# Memory, files, drives for other media, and what lies on another machine.
_NOT_LOCAL = re.compile(r"(loop|ram|zram|sr|fd|nbd|rbd|drbd)\d.*|mmcblk\d+(boot\d+|rpmb)")
# Made of other block devices, and so no disks themselves.
_STACKED = re.compile(r"(dm-|md|bcache|zd)\d.*|md_.*")
# Words in the names of disks that a hypervisor or a cloud makes.
_VIRTUAL = re.compile(r"qemu|virtual|vbox|vmware|msft|persistentdisk|nvme_card|elastic block store", re.IGNORECASE)
_UNTOLD_KIND = "disk of unknown kind"
# A line of mountinfo: the device's number, the kind of file system, and its source as given to `mount`.
_MOUNT = re.compile(r"\S+\s+\S+\s+(?P<number>\d+:\d+)\s.*? - (?P<kind>\S+)\s+(?P<source>\S+)")
# Media and packed images, which hold no data of the machine.
_PACKED = {"squashfs", "iso9660", "udf", "erofs", "cramfs"}
# ARPHRD_* of the kernel's if_arp.h; other types (CAN, PPP, none) are no network cards.
_CARD_KINDS = {1: "Ethernet", 32: "InfiniBand"}
# "Not known" as older kernels wrote it, in 16 and in 32 bits.
_UNKNOWN_SPEEDS = {0, 0xFFFF, 0xFFFFFFFF}
_PCI_FUNCTION = re.compile(r"([0-9a-f]+:[0-9a-f]+:[0-9a-f]+)\.[0-9a-f]")
_MBIT_PER_GBIT = 1000


@dataclass(frozen=True)
class Disk:
    """A disk that is built in, by the kernel's name ("nvme0n1").

    Kinds are "NVMe SSD", "NVMe HDD", "SSD", "HDD", "SD card", "eMMC", "virtual disk", "persistent memory" and "disk of
    unknown kind".
    """

    name: str
    size_bytes: int
    kind: str


@dataclass(frozen=True)
class Storage:
    """Disks that are built in, and the bytes of the block devices below the mounted local file systems, each once.

    `missing` has reasons, by the name of the value that is None or empty.
    """

    disks: tuple[Disk, ...]
    file_systems_bytes: int | None
    missing: Mapping[str, str] = field(default_factory=dict)


def read_storage(root: Path) -> Storage:
    """Read root's /sys/block and /proc/self/mountinfo (proc_pid_mountinfo(5)).

    What can be taken out, and what has no size, is left out.
    """
    missing: dict[str, str] = {}
    local = [folder for folder in sorted((root / "sys/block").glob("*")) if _is_local(folder)]
    built_in = [folder for folder in local if not _STACKED.fullmatch(folder.name)]
    if not built_in:
        missing["disks"] = "/sys/block has no disk that is built in"
    # Disks, their partitions, and the volumes made of them.
    carriers = [*local, *(part.parent for folder in local for part in sorted(folder.glob("*/partition")))]
    mounted = _mounted(root, {folder.name: folder for folder in carriers})
    if not mounted:
        missing["file_systems_bytes"] = "no file system is mounted from a disk that can be seen"
    disks = tuple(Disk(folder.name, _size_bytes(folder), _disk_kind(folder)) for folder in built_in)
    return Storage(disks, sum(map(_size_bytes, mounted)) or None, missing)


def _is_local(folder: Path, above: frozenset[Path] = frozenset()) -> bool:
    """Whether a device of /sys/block is built in; of a volume, whether any of its parts is."""
    if folder in above or _NOT_LOCAL.fullmatch(folder.name) or not _size_bytes(folder):
        return False
    if read_whole(folder / "removable") == 1 or read_whole(folder / "hidden") == 1:
        return False
    block, parts = folder.parent, [part.name for part in (folder / "slaves").glob("*")]
    # A part is a disk, or a partition, which lies in the folder of its disk.
    disks = [disk for name in parts for disk in (block / name, *(part.parent for part in block.glob(f"*/{name}")))]
    return not parts or any(_is_local(disk, above | {folder}) for disk in disks)


def _mounted(root: Path, by_name: dict[str, Path]) -> set[Path]:
    """Return those of the block devices that have a mounted file system."""
    # As mountinfo has it: "major:minor".
    by_number = {number: folder for folder in by_name.values() if (number := read_text(folder / "dev"))}
    for folder in (root / "sys/block").glob("dm-*"):
        volume = read_line(folder / "dm/name")
        if volume and folder.name in by_name:
            by_name[volume] = by_name[folder.name]
    found: set[Path] = set()
    for mount in map(_MOUNT.match, (read_text(root / "proc/self/mountinfo") or "").splitlines()):
        if mount is not None and mount["kind"] not in _PACKED:
            # btrfs has a number of its own; its source names one of its devices.
            device = by_number.get(mount["number"]) or by_name.get(mount["source"].rpartition("/")[2])
            if device is None:
                continue
            together = {device.name}
            if mount["kind"] == "btrfs":
                folders = (root / "sys/fs/btrfs").glob("*/devices")
                systems = ({each.name for each in folder.iterdir()} for folder in folders)
                together = next((names for names in systems if device.name in names), together)
            found |= {by_name[name] for name in together if name in by_name}
    return found


def _size_bytes(folder: Path) -> int:
    return (read_whole(folder / "size") or 0) * _SECTOR_BYTES


def _disk_kind(folder: Path) -> str:
    name = folder.name
    told = " ".join(read_line(folder / "device" / each) or "" for each in ("vendor", "model"))
    if name.startswith(("vd", "xvd")) or _VIRTUAL.search(told):
        return "virtual disk"
    if name.startswith("pmem"):
        return "persistent memory"
    if name.startswith("mmcblk"):
        card = read_line(folder / "device/type")
        return {"SD": "SD card", "MMC": "eMMC"}.get(card or "", _UNTOLD_KIND)
    rotational = read_whole(folder / "queue/rotational")
    if name.startswith("nvme"):
        return "NVMe HDD" if rotational == 1 else "NVMe SSD"
    return {0: "SSD", 1: "HDD"}.get(-1 if rotational is None else rotational, _UNTOLD_KIND)


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
        kind = _CARD_KINDS.get(read_whole(folder / "type") or 0)
    if kind is None or not os.path.lexists(device) or os.path.lexists(device / "physfn"):
        return None
    card = device.parent.name
    if device.is_symlink():
        # "0000:3b:00" for both functions of a PCI card, "1-1" for a USB adapter.
        name = device.readlink().name
        pci = _PCI_FUNCTION.fullmatch(name)
        card = pci[1] if pci else name.partition(":")[0]
    speed = read_whole(folder / "speed")
    return Port(folder.name, card, kind, None if speed in _UNKNOWN_SPEEDS else speed)
