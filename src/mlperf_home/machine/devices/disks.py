"""Block devices, from /sys/block (kernel documentation, sysfs-block)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_line, read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# /sys counts in these whatever the disk's own sectors are.
_SECTOR_BYTES = 512
# Memory, files, drives for other media, and what lies on another machine.
_NOT_LOCAL = re.compile(r"(loop|ram|zram|sr|fd|nbd|rbd|drbd)\d.*|mmcblk\d+(boot\d+|rpmb)")
# Made of other block devices, and so no disks themselves.
_STACKED = re.compile(r"(dm-|md|bcache|zd)\d.*|md_.*")
# Words in the names of disks that a hypervisor or a cloud makes.
_VIRTUAL = re.compile(r"qemu|virtual|vbox|vmware|msft|persistentdisk|nvme_card|elastic block store", re.IGNORECASE)
UNTOLD_KIND = "disk of unknown kind"


@dataclass(frozen=True)
class Disk:
    """A disk that is built in.

    Attributes:
        name: the kernel's ("nvme0n1").
        size_bytes: its capacity.
        kind: "NVMe SSD", "SSD", "HDD", "SD card", "eMMC", "virtual disk", "persistent memory" or `UNTOLD_KIND`.
    """

    name: str
    size_bytes: int
    kind: str


@dataclass(frozen=True)
class BlockDevice:
    """Something that can carry a file system: a disk, a partition, a volume.

    Attributes:
        name: the kernel's ("sda2", "dm-0").
        number: "major:minor", as mountinfo has it; None if it is not told.
        size_bytes: its capacity.
    """

    name: str
    number: str | None
    size_bytes: int


class BlockDevices:
    """/sys/block below a root."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "sys/block"

    def disks(self) -> tuple[Disk, ...]:
        """Give the disks that are built in: what can be taken out, and what has no size, is left out."""
        return tuple(
            Disk(folder.name, _size_bytes(folder), _kind(folder))
            for folder in self._everything()
            if not _STACKED.fullmatch(folder.name) and self._is_local(folder)
        )

    def carriers(self) -> tuple[BlockDevice, ...]:
        """Give the disks, their partitions, and the volumes made of them."""
        local = [folder for folder in self._everything() if self._is_local(folder)]
        parts = [part.parent for folder in local for part in sorted(folder.glob("*/partition"))]
        return tuple(BlockDevice(each.name, _number(each), _size_bytes(each)) for each in (*local, *parts))

    def _everything(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob("*"))

    def _is_local(self, folder: Path, above: frozenset[Path] = frozenset()) -> bool:
        """Say whether a device is built in; of a volume, whether any of its parts is."""
        if folder in above or _NOT_LOCAL.fullmatch(folder.name) or not _size_bytes(folder):
            return False
        if read_whole(folder / "removable") == 1 or read_whole(folder / "hidden") == 1:
            return False
        parts = [self._whole_disk(part.name) for part in (folder / "slaves").glob("*")]
        return not parts or any(self._is_local(part, above | {folder}) for part in parts)

    def _whole_disk(self, name: str) -> Path:
        """Give the folder of the disk that a partition is on."""
        if (self._folder / name).is_dir():
            return self._folder / name
        return next((part.parent for part in self._folder.glob(f"*/{name}")), self._folder / name)


def _size_bytes(folder: Path) -> int:
    return (read_whole(folder / "size") or 0) * _SECTOR_BYTES


def _number(folder: Path) -> str | None:
    return (read_text(folder / "dev") or "").strip() or None


def _kind(folder: Path) -> str:
    name = folder.name
    told = " ".join(read_line(folder / "device" / each) or "" for each in ("vendor", "model"))
    if name.startswith(("vd", "xvd")) or _VIRTUAL.search(told):
        return "virtual disk"
    if name.startswith("pmem"):
        return "persistent memory"
    if name.startswith("mmcblk"):
        card = read_line(folder / "device/type")
        return {"SD": "SD card", "MMC": "eMMC"}.get(card or "", UNTOLD_KIND)
    rotational = read_whole(folder / "queue/rotational")
    if name.startswith("nvme"):
        return "NVMe HDD" if rotational == 1 else "NVMe SSD"
    return {0: "SSD", 1: "HDD"}.get(-1 if rotational is None else rotational, UNTOLD_KIND)
