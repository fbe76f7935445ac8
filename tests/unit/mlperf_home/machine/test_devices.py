"""Disks, cards, modules and products that are easily confused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from recorded_systems import DMIDECODE_HEAD, EMPTY_SLOT, System, device, disk, mounts, partition, port

from mlperf_home.machine.devices import read_network, read_storage
from mlperf_home.machine.facts import read_machine
from mlperf_home.machine.firmware import describe_modules, parse_modules, read_product
from scriptgraph.files.kernel_files import read_integer, read_line

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "attributes", "kind"),
    [
        ("sda", {"queue__rotational": "1"}, "HDD"),
        ("sda", {"queue__rotational": "0"}, "SSD"),
        ("sda", {}, "disk of unknown kind"),
        ("sda", {"queue__rotational": "1", "device__model": "QEMU HARDDISK"}, "virtual disk"),
        ("vda", {"queue__rotational": "1"}, "virtual disk"),
        ("xvda", {"queue__rotational": "0"}, "virtual disk"),
        ("nvme0n1", {"device__model": "KIOXIA KXG60"}, "NVMe SSD"),
        ("nvme0n1", {"device__model": "nvme_card-pd"}, "virtual disk"),
        ("mmcblk0", {"device__type": "MMC"}, "eMMC"),
        ("mmcblk0", {}, "disk of unknown kind"),
        ("pmem0", {}, "persistent memory"),
    ],
)
def test_disk_kinds(name: str, attributes: dict[str, str], kind: str, tmp_path: Path) -> None:
    System(files=disk(name, "8:0", 100, **attributes)).write(tmp_path)

    assert [found.kind for found in read_storage(tmp_path).disks] == [kind]


@pytest.mark.parametrize(
    "name", ["loop3", "ram1", "zram0", "sr0", "fd0", "nbd2", "rbd0", "mmcblk0boot1", "mmcblk0rpmb", "md0", "zd16"]
)
def test_devices_that_are_not_built_in_disks(name: str, tmp_path: Path) -> None:
    System(files=disk(name, "8:0", 100)).write(tmp_path)

    storage = read_storage(tmp_path)

    assert storage.disks == ()
    assert "no disk" in storage.missing["disks"]


def test_empty_and_removable_drives_are_excluded(tmp_path: Path) -> None:
    files = disk("sda", "8:0", 0) | disk("sdb", "8:16", 64, removable="1") | partition("sdb", "sdb1", "8:17", 64)
    # An encrypted volume on a USB stick is removable too.
    files |= disk("dm-0", "253:0", 63) | {"sys/block/dm-0/slaves/sdb1/size": "1\n"}
    System(files=files | mounts("8:17 /media/stick ext4 /dev/sdb1", "253:0 /media/box ext4 /dev/dm-0")).write(tmp_path)

    storage = read_storage(tmp_path)

    assert (storage.disks, storage.file_systems_bytes) == ((), None)


def test_volumes_in_a_cycle_are_excluded(tmp_path: Path) -> None:
    files = disk("dm-0", "253:0", 1) | disk("dm-1", "253:1", 1)
    files |= {"sys/block/dm-0/slaves/dm-1/size": "1\n", "sys/block/dm-1/slaves/dm-0/size": "1\n"}
    System(files=files).write(tmp_path)

    assert read_storage(tmp_path).disks == ()


@pytest.mark.parametrize("text", ["", "garbage\n - \n", "1 2 x:y / / rw - ext4 /dev/sda rw\n", "1 2 8:0 / /\n"])
def test_mountinfo_without_known_mounts(text: str, tmp_path: Path) -> None:
    System(files={**disk("sda", "8:0", 1), "proc/self/mountinfo": text}).write(tmp_path)

    assert read_storage(tmp_path).file_systems_bytes is None


@pytest.mark.parametrize("speed", ["-1", "0", "65535", "4294967295", "", "fast", None])
def test_unknown_network_speeds(speed: str | None, tmp_path: Path) -> None:
    System(files=port("eth0", speed), links=device("eth0", "virtio0")).write(tmp_path)

    network = read_network(tmp_path)

    assert [found.speed_mbit_per_s for found in network.ports] == [None]
    assert network.describe() == "Ethernet of unknown speed"
    assert "does not report its speed" in network.missing["eth0"]


def test_functions_share_a_card_and_adapters_do_not(tmp_path: Path) -> None:
    files = {key: value for name in ("a", "b", "c", "d") for key, value in port(name, "100").items()}
    places = {"a": "0000:01:00.0", "b": "0000:01:00.1", "c": "1-1.3:1.0", "d": "1-1.4:1.0"}
    System(
        files=files, links={key: value for name, place in places.items() for key, value in device(name, place).items()}
    ).write(tmp_path)

    network = read_network(tmp_path)

    assert (len(network.ports), network.cards, network.describe()) == (4, 3, "4 x 100 Mb/s Ethernet")


@pytest.mark.parametrize(
    "text",
    [
        "# dmidecode 3.4\n# No SMBIOS nor DMI entry point found, sorry.\n",
        DMIDECODE_HEAD + EMPTY_SLOT,
        "Memory Device\n\tSize: Unknown\n",
        "Memory Device\n\tSize: 0 MB\n",
        f"Memory Device\n\tSize: {'9' * 5000} MB\n",
        "",
    ],
)
def test_output_without_memory_modules(text: str) -> None:
    assert parse_modules(text) == ()
    assert describe_modules(()) == ""


def test_unknown_fields_of_a_module_are_omitted() -> None:
    text = (
        "Handle 0x1\nMemory Device\n\tSize: 1536 MB\n\tForm Factor: Unknown\n\tType: <OUT OF SPEC>\n\tSpeed: Unknown\n"
    )

    assert describe_modules(parse_modules(text)) == "1 x 1536 MiB"


def test_device_tree_replaces_a_dmi_placeholder(tmp_path: Path) -> None:
    System(
        files={
            "sys/class/dmi/id/product_name": "Default string\n",
            "sys/firmware/devicetree/base/model": b"Radxa ROCK 5B\0",
        }
    ).write(tmp_path)

    assert read_product(tmp_path).name == "Radxa ROCK 5B"


def test_firmware_files_are_read_safely(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b" A\x1b[31m\r\n B\0")
    (tmp_path / "number").write_text("\N{SUPERSCRIPT TWO}")

    assert read_line(tmp_path / "text") == "A [31m B"
    assert read_line(tmp_path) is None
    assert read_integer(tmp_path / "number") is None
    (tmp_path / "number").write_text("1" * 5000)
    assert read_integer(tmp_path / "number") is None


def test_this_machine() -> None:
    facts = read_machine()

    assert facts.os.kernel == os.uname().release
    assert facts.host_name
    assert facts.python
    assert facts.memory_modules is None
