"""Disks, from /sys/block (kernel documentation, sysfs-block), and the file systems mounted from them."""

from __future__ import annotations

import re
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
class BlockDevice:
    """Something that can carry a file system: a disk, a partition ("sda2"), a volume ("dm-0").

    Its number is "major:minor", as mountinfo has it; None if it is not told.
    """

    name: str
    number: str | None
    size_bytes: int


class BlockDevices:
    """/sys/block below a root."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "sys/block"

    def disks(self) -> tuple[Disk, ...]:
        """Return the disks that are built in: what can be taken out, and what has no size, is left out."""
        return tuple(
            Disk(folder.name, _size_bytes(folder), _kind(folder))
            for folder in sorted(self._folder.glob("*"))
            if not _STACKED.fullmatch(folder.name) and self._is_local(folder)
        )

    def carriers(self) -> tuple[BlockDevice, ...]:
        """Return the disks, their partitions, and the volumes made of them."""
        local = [folder for folder in sorted(self._folder.glob("*")) if self._is_local(folder)]
        parts = [part.parent for folder in local for part in sorted(folder.glob("*/partition"))]
        return tuple(
            BlockDevice(each.name, read_text(each / "dev") or None, _size_bytes(each)) for each in (*local, *parts)
        )

    def _is_local(self, folder: Path, above: frozenset[Path] = frozenset()) -> bool:
        """Whether a device is built in; of a volume, whether any of its parts is."""
        if folder in above or _NOT_LOCAL.fullmatch(folder.name) or not _size_bytes(folder):
            return False
        if read_whole(folder / "removable") == 1 or read_whole(folder / "hidden") == 1:
            return False
        parts = [self._whole_disk(part.name) for part in (folder / "slaves").glob("*")]
        return not parts or any(self._is_local(part, above | {folder}) for part in parts)

    def _whole_disk(self, name: str) -> Path:
        """Return the folder of the disk that a partition is on."""
        if (self._folder / name).is_dir():
            return self._folder / name
        return next((part.parent for part in self._folder.glob(f"*/{name}")), self._folder / name)


@dataclass(frozen=True)
class Storage:
    """Disks that are built in, and the bytes of the block devices below the mounted local file systems, each once.

    `missing` has reasons, by the name of the value that is None or empty.
    """

    disks: tuple[Disk, ...]
    file_systems_bytes: int | None
    missing: Mapping[str, str] = field(default_factory=dict)


def read_storage(root: Path) -> Storage:
    """Read root's /sys/block and /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    missing: dict[str, str] = {}
    devices = BlockDevices(root)
    disks = devices.disks()
    if not disks:
        missing["disks"] = "/sys/block has no disk that is built in"
    mounted = _mounted(root, devices.carriers())
    if not mounted:
        missing["file_systems_bytes"] = "no file system is mounted from a disk that can be seen"
    return Storage(disks, sum(mounted.values()) or None, missing)


def _mounted(root: Path, carriers: tuple[BlockDevice, ...]) -> dict[str, int]:
    """Return the sizes of the devices with a mounted file system, by name."""
    by_number = {each.number: each for each in carriers if each.number}
    by_name = {each.name: each for each in carriers}
    for folder in (root / "sys/block").glob("dm-*"):
        volume = read_line(folder / "dm/name")
        if volume and folder.name in by_name:
            by_name[volume] = by_name[folder.name]
    found: dict[str, int] = {}
    for mount in map(_MOUNT.match, (read_text(root / "proc/self/mountinfo") or "").splitlines()):
        if mount is not None and mount["kind"] not in _PACKED:
            # btrfs has a number of its own; its source names one of its devices.
            device = by_number.get(mount["number"]) or by_name.get(mount["source"].rpartition("/")[2])
            if device is None:
                continue
            together = _btrfs_devices(root, device.name) if mount["kind"] == "btrfs" else (device.name,)
            found |= {name: by_name[name].size_bytes for name in together if name in by_name}
    return found


def _btrfs_devices(root: Path, name: str) -> tuple[str, ...]:
    """Name all devices of the btrfs file system that has this one."""
    for folder in (root / "sys/fs/btrfs").glob("*/devices"):
        names = tuple(sorted(each.name for each in folder.iterdir()))
        if name in names:
            return names
    return (name,)


def _size_bytes(folder: Path) -> int:
    return (read_whole(folder / "size") or 0) * _SECTOR_BYTES


def _kind(folder: Path) -> str:
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
