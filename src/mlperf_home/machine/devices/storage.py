"""What this machine stores on: its disks, and the file systems that are mounted from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.machine.devices.disks import BlockDevice, BlockDevices, Disk
from scriptgraph.files.kernel_files import read_line, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Media and packed images, which hold no data of the machine.
_PACKED = {"squashfs", "iso9660", "udf", "erofs", "cramfs"}


@dataclass(frozen=True)
class Storage:
    """Disks and local file systems.

    Attributes:
        disks: those that are built in.
        file_systems_bytes: of the block devices below the mounted local file systems, each counted once.
        missing: reasons, by the name of the value that is None or empty.
    """

    disks: tuple[Disk, ...]
    file_systems_bytes: int | None
    missing: Mapping[str, str] = field(default_factory=dict)


class _Mount(NamedTuple):
    """A line of mountinfo: the device's number, the kind of file system, and its source as given to `mount`."""

    number: str
    kind: str
    source: str


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
    """Give the sizes of the devices with a mounted file system, by name."""
    by_number = {each.number: each for each in carriers if each.number}
    by_name = {each.name: each for each in carriers}
    for folder in (root / "sys/block").glob("dm-*"):
        volume = read_line(folder / "dm/name")
        if volume and folder.name in by_name:
            by_name[volume] = by_name[folder.name]
    found: dict[str, int] = {}
    for mount in _mounts(root):
        # btrfs has a number of its own; its source names one of its devices.
        device = by_number.get(mount.number) or by_name.get(mount.source.rpartition("/")[2])
        if device is not None and mount.kind not in _PACKED:
            together = _btrfs_devices(root, device.name) if mount.kind == "btrfs" else (device.name,)
            found |= {name: by_name[name].size_bytes for name in together if name in by_name}
    return found


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        mount, file_system = before.split(), after.split()
        if len(mount) > 2 and len(file_system) > 1 and re.fullmatch(r"\d+:\d+", mount[2]):  # noqa: PLR2004 - columns
            yield _Mount(mount[2], file_system[0], file_system[1])


def _btrfs_devices(root: Path, name: str) -> tuple[str, ...]:
    """Name all devices of the btrfs file system that has this one."""
    for folder in (root / "sys/fs/btrfs").glob("*/devices"):
        names = tuple(sorted(each.name for each in folder.iterdir()))
        if name in names:
            return names
    return (name,)
