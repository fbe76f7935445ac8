"""Outputs of whole systems: CPU, memory, disks, network and maker.

Written by hand in the formats of their kernels, of util-linux and of dmidecode, and shortened. The CPUs of some come
from `recorded_machines`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorded_machines import MACHINES, lscpu_json

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class System:
    """One system: files and links by path, and the programs' outputs (None where a program is absent)."""

    lscpu: str | None = None
    dmidecode: str | None = None
    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def write(self, root: Path) -> Path:
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        for name, target in self.links.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(target)
        return root


def disk(name: str, number: str, gb: float, **attributes: str) -> dict[str, str | bytes]:
    """Return the files of /sys/block for a disk; attributes such as queue__rotational="0" are files below it."""
    folder = f"sys/block/{name}"
    files: dict[str, str | bytes] = {
        f"{folder}/dev": f"{number}\n",
        f"{folder}/size": f"{int(gb * 1e9 / 512)}\n",
        f"{folder}/removable": "0\n",
    }
    return files | {f"{folder}/{each.replace('__', '/')}": f"{value}\n" for each, value in attributes.items()}


def partition(disk_name: str, name: str, number: str, gb: float) -> dict[str, str | bytes]:
    folder = f"sys/block/{disk_name}/{name}"
    return {
        f"{folder}/dev": f"{number}\n",
        f"{folder}/size": f"{int(gb * 1e9 / 512)}\n",
        f"{folder}/partition": "1\n",
    }


def mounts(*lines: str) -> dict[str, str | bytes]:
    """Return mountinfo from lines such as "259:2 / ext4 /dev/nvme0n1p2"."""
    text = []
    for line in lines:
        number, place, kind, source = line.split()
        text.append(f"30 1 {number} / {place} rw,relatime shared:1 - {kind} {source} rw\n")
    return {"proc/self/mountinfo": "".join(text)}


def port(name: str, speed: str | None, kind: int = 1) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {f"sys/class/net/{name}/type": f"{kind}\n"}
    return files if speed is None else files | {f"sys/class/net/{name}/speed": f"{speed}\n"}


def device(name: str, place: str) -> dict[str, str]:
    return {f"sys/class/net/{name}/device": f"../../../{place}"}


def dmi(product: str | bytes, chassis: int = 3) -> dict[str, str | bytes]:
    folder = "sys/class/dmi/id"
    return {f"{folder}/product_name": product, f"{folder}/chassis_type": f"{chassis}\n"}


def system(name: str, kernel: str, memory_kb: int) -> dict[str, str | bytes]:
    return {
        "etc/os-release": f'PRETTY_NAME="{name}"\nID=linux\n',
        "proc/sys/kernel/osrelease": f"{kernel}\n",
        "proc/meminfo": f"MemTotal:       {memory_kb} kB\nMemFree:        1000 kB\n",
    }


def module(size: str, kind: str, speed: str, configured: str, form: str = "DIMM") -> str:
    return (
        "Handle 0x0011, DMI type 17, 92 bytes\nMemory Device\n\tArray Handle: 0x0010\n"
        f"\tSize: {size}\n\tForm Factor: {form}\n\tLocator: DIMM 1\n\tType: {kind}\n\tType Detail: Synchronous\n"
        f"\tSpeed: {speed}\n\tManufacturer: Unknown\n\tConfigured Memory Speed: {configured}\n\n"
    )


EMPTY_SLOT = module("No Module Installed", "Unknown", "Unknown", "Unknown", "Unknown")
DMIDECODE_HEAD = (
    "# dmidecode 3.4\nGetting SMBIOS data from sysfs.\nSMBIOS 3.5.0 present.\n\n"
    "Handle 0x0010, DMI type 16, 23 bytes\nPhysical Memory Array\n\tLocation: System Board Or Motherboard\n"
    "\tMaximum Capacity: 128 GB\n\tNumber Of Devices: 4\n\n"
)
LOOPS = disk("loop0", "7:0", 0.1) | disk("ram0", "1:0", 0.06) | disk("zram0", "252:0", 8)

RYZEN = System(
    lscpu_json("""
        Architecture: x86_64
        CPU(s): 32
        On-line CPU(s) list: 0-31
        Vendor ID: AuthenticAMD
        Model name: AMD Ryzen 9 7950X 16-Core Processor
        Thread(s) per core: 2
        Core(s) per socket: 16
        Socket(s): 1
        CPU max MHz: 5881.0000
        CPU min MHz: 400.0000
        Flags: fma avx2 avx512f
        L1d cache: 512 KiB (16 instances)
        L1i cache: 512 KiB (16 instances)
        L2 cache: 16 MiB (16 instances)
        L3 cache: 64 MiB (2 instances)
    """),
    DMIDECODE_HEAD
    + EMPTY_SLOT
    + module("16 GB", "DDR5", "4800 MT/s", "4800 MT/s")
    + EMPTY_SLOT
    + module("16 GB", "DDR5", "4800 MT/s", "4800 MT/s"),
    {
        **system("Ubuntu 22.04.2 LTS", "6.2.0-39-generic", 24041584),
        **dmi("System Product Name\n"),
        "proc/sys/kernel/hostname": "desk\n",
        **LOOPS,
        **disk("nvme0n1", "259:0", 1000, queue__rotational="0", device__model="Samsung SSD 980 PRO 1TB"),
        **partition("nvme0n1", "nvme0n1p1", "259:1", 0.5),
        **partition("nvme0n1", "nvme0n1p2", "259:2", 999.5),
        **disk("sda", "8:0", 4000, queue__rotational="1"),
        **disk("sdb", "8:16", 64, removable="1", queue__rotational="1"),
        **partition("sdb", "sdb1", "8:17", 64),
        **disk("sr0", "11:0", 1, removable="1"),
        **mounts(
            "259:2 / ext4 /dev/nvme0n1p2",
            "259:1 /boot/efi vfat /dev/nvme0n1p1",
            "259:2 /home ext4 /dev/nvme0n1p2",
            "7:0 /snap/core squashfs /dev/loop0",
            "8:17 /media/stick vfat /dev/sdb1",
            "0:21 /tmp tmpfs tmpfs",
            "0:50 /mnt/server nfs4 server:/volume",
        ),
        **port("lo", None, 772),
        **port("enp5s0", "2500"),
        **port("wlp6s0", None),
        "sys/class/net/wlp6s0/wireless/status": "0\n",
        **port("docker0", "-1"),
    },
    device("enp5s0", "0000:05:00.0") | device("wlp6s0", "0000:06:00.0"),
)

EPYC = System(
    lscpu_json("""
        Architecture: x86_64
        CPU(s): 384
        On-line CPU(s) list: 0-383
        Vendor ID: AuthenticAMD
        Model name: AMD EPYC 9654 96-Core Processor
        Thread(s) per core: 2
        Core(s) per socket: 96
        Socket(s): 2
        CPU max MHz: 3707.8120
        L3 cache: 768 MiB (24 instances)
        NUMA node(s): 2
    """),
    DMIDECODE_HEAD + module("64 GB", "DDR5", "4800 MT/s", "4800 MT/s") * 24,
    {
        **system("Red Hat Enterprise Linux 9.1 (Plow)", "5.14.0-162.6.1.el9_1.x86_64", 1583914960),
        **dmi("PowerEdge R7625\n", 23),
        # Two SSDs as a mirror, and LVM on top of it.
        **disk("sda", "8:0", 480, queue__rotational="0"),
        **disk("sdb", "8:16", 480, queue__rotational="0"),
        **disk("md127", "9:127", 479),
        **disk("dm-0", "253:0", 400, dm__name="rhel-root"),
        "sys/block/md127/slaves/sda/size": "1\n",
        "sys/block/md127/slaves/sdb/size": "1\n",
        "sys/block/dm-0/slaves/md127/size": "1\n",
        **disk("nvme0c0n1", "259:9", 3840, hidden="1"),
        **disk("nvme0n1", "259:0", 3840, queue__rotational="0"),
        **mounts("253:0 / xfs /dev/mapper/rhel-root", "259:0 /scratch xfs /dev/nvme0n1"),
        **port("eno1", "1000"),
        **port("eno2", "-1"),
        **port("ens1f0np0", "100000"),
        **port("ens1f1np1", "100000"),
        **port("ens1f0v0", "100000"),
        **port("bond0", "200000"),
        "sys/class/net/bonding_masters": "bond0\n",
        **port("ib0", "200000", 32),
        **port("can0", None, 280),
        "sys/devices/vf/physfn/vendor": "0x15b3\n",
    },
    {
        **device("eno1", "0000:c5:00.0"),
        **device("eno2", "0000:c5:00.1"),
        **device("ens1f0np0", "0000:21:00.0"),
        **device("ens1f1np1", "0000:21:00.1"),
        "sys/class/net/ens1f0v0/device": "../../../devices/vf",
        **device("ib0", "0000:a1:00.0"),
        **device("can0", "0000:b1:00.0"),
    },
)

XEON = System(
    lscpu_json("""
        Architecture: x86_64
        CPU(s): 112
        Model name: Intel(R) Xeon(R) Platinum 8480+
        Thread(s) per core: 1
        Core(s) per socket: 56
        Socket(s): 2
        CPU max MHz: 3800.0000
        L1d cache: 5.3 MiB (112 instances)
        L3 cache: 210 MiB (2 instances)
    """),
    # dmidecode before 3.3 counts in MB and has another name for the speed.
    DMIDECODE_HEAD
    + module("32768 MB", "DDR5", "4800 MHz", "4400 MHz").replace("Configured Memory Speed", "Configured Clock Speed")
    * 16,
    {
        **system("Ubuntu 22.04.3 LTS", "5.15.0-91-generic", 527950000),
        **dmi("SYS-421GE-TNRT\n", 17),
        **disk("nvme0n1", "259:0", 1920, queue__rotational="0"),
        **disk("nvme1n1", "259:1", 1920, queue__rotational="0"),
        # btrfs over both: it has a number of its own, and one of the two as its source.
        **mounts("0:35 / btrfs /dev/nvme0n1"),
        "sys/fs/btrfs/11-22/devices/nvme0n1/size": "1\n",
        "sys/fs/btrfs/11-22/devices/nvme1n1/size": "1\n",
        **port("eth0", "10000"),
        **port("eth1", "10000"),
    },
    device("eth0", "0000:17:00.0") | device("eth1", "0000:18:00.0"),
)

CLOUD_VM = System(
    MACHINES["xeon-vm"].lscpu,
    DMIDECODE_HEAD + module("16 GB", "RAM", "Unknown", "Unknown"),
    {
        **MACHINES["xeon-vm"].files,
        **dmi("Google Compute Engine\n", 1),
        **system("Debian GNU/Linux 12 (bookworm)", "6.1.0-18-cloud-amd64", 16374472),
        **disk(
            "sda", "8:0", 10.737418240, queue__rotational="1", device__vendor="Google", device__model="PersistentDisk"
        ),
        **partition("sda", "sda1", "8:1", 10.6),
        **mounts("8:1 / ext4 /dev/sda1"),
        **port("ens4", "-1"),
    },
    device("ens4", "virtio1"),
)

GRAVITON = System(
    # util-linux before 2.32 names no Arm core.
    lscpu_json("""
        Architecture: aarch64
        CPU(s): 8
        Thread(s) per core: 1
        Core(s) per socket: 8
        Socket(s): 1
        L1d cache: 64K
        L2 cache: 1024K
        L3 cache: 32768K
    """),
    None,
    {
        "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\n",
        **system("Ubuntu 20.04.6 LTS", "5.15.0-1051-aws", 16092100),
        **dmi("c6g.2xlarge\n", 1),
        **disk(
            "nvme0n1", "259:0", 53.7, queue__rotational="0", device__model="Amazon Elastic Block Store              "
        ),
        **partition("nvme0n1", "nvme0n1p1", "259:1", 53.6),
        **mounts("259:1 / ext4 /dev/root"),
        **port("ens5", ""),
    },
    device("ens5", "0000:00:05.0"),
)

RASPBERRY_PI = System(
    MACHINES["raspberry-pi-4"].lscpu,
    None,
    {
        **MACHINES["raspberry-pi-4"].files,
        **system("Debian GNU/Linux 11 (bullseye)", "6.1.21-v8+", 3884376),
        "proc/device-tree/model": b"Raspberry Pi 4 Model B Rev 1.2\0",
        **LOOPS,
        **disk("mmcblk0", "179:0", 31.9, device__type="SD", queue__rotational="0"),
        **disk("mmcblk0boot0", "179:32", 0.004),
        **partition("mmcblk0", "mmcblk0p2", "179:2", 31.6),
        **mounts("179:2 / ext4 /dev/root"),
        **port("eth0", "1000"),
        **port("wlan0", None),
        "sys/class/net/wlan0/phy80211/index": "0\n",
    },
    device("eth0", "fd580000.ethernet") | device("wlan0", "mmc1:0001:1"),
)

CONTAINER = System(
    None,
    None,
    {
        **MACHINES["container"].files,
        "etc/os-release": 'PRETTY_NAME="Alpine Linux v3.19"\n',
        "proc/sys/kernel/osrelease": "5.10.0-28-amd64\n",
        "proc/sys/kernel/hostname": "0123abcd4567\n",
        **disk("sda", "8:0", 512, queue__rotational="0"),
        **mounts("0:60 / overlay overlay", "0:61 /proc proc proc"),
        **port("lo", None, 772),
        **port("eth0", "10000"),
    },
)

LAPTOP = System(
    lscpu_json("""
        Architecture: x86_64
        CPU(s): 20
        Model name: 12th Gen Intel(R) Core(TM) i7-12700H
        Thread(s) per core: 2
        Core(s) per socket: 14
        Socket(s): 1
        CPU max MHz: 4700.0000
        L1d cache: 544 KiB (14 instances)
        L1i cache: 704 KiB (14 instances)
        L2 cache: 11.5 MiB (8 instances)
        L3 cache: 24 MiB (1 instance)
    """),
    DMIDECODE_HEAD
    + module("8 GB", "LPDDR5", "6400 MT/s", "5200 MT/s", "Row Of Chips")
    + module("16 GB", "DDR5", "4800 MT/s", "4800 MT/s", "SODIMM"),
    {
        **system("Fedora Linux 39 (Workstation Edition)", "6.6.8-200.fc39.x86_64", 24400000),
        **dmi("XPS 15 9520\n", 10),
        # An encrypted volume.
        **disk("nvme0n1", "259:0", 512, queue__rotational="0"),
        **partition("nvme0n1", "nvme0n1p3", "259:3", 510),
        **disk("dm-0", "253:0", 509),
        "sys/block/dm-0/slaves/nvme0n1p3/size": "1\n",
        **mounts("0:40 / btrfs /dev/dm-0"),
        **port("wlp0s20f3", ""),
        "sys/class/net/wlp0s20f3/phy80211/index": "0\n",
    },
    device("wlp0s20f3", "0000:00:14.3"),
)

AMPERE = System(
    lscpu_json("""
        Architecture: aarch64
        CPU(s): 80
        Vendor ID: ARM
        Model name: Neoverse-N1
        Thread(s) per core: 1
        Core(s) per cluster: 80
        Socket(s): -
        Cluster(s): 1
        CPU max MHz: 3000.0000
        L1d cache: 5 MiB (80 instances)
        L2 cache: 80 MiB (80 instances)
    """),
    DMIDECODE_HEAD + module("32 GB", "DDR4", "3200 MT/s", "3200 MT/s") * 8,
    {
        **system("Rocky Linux 9.3 (Blue Onyx)", "5.14.0-362.el9.aarch64", 263000000),
        **dmi("Mt. Jade\n", 23),
        **disk("nvme0n1", "259:0", 960, queue__rotational="0"),
        **mounts("259:0 / xfs /dev/nvme0n1"),
        **port("enP2p1s0", "25000"),
    },
    device("enP2p1s0", "0002:01:00.0"),
)

APPLE_VM = System(MACHINES["apple-vm"].lscpu, None, dict(MACHINES["apple-vm"].files))

SYSTEMS = {
    "ryzen": RYZEN,
    "epyc": EPYC,
    "xeon": XEON,
    "cloud-vm": CLOUD_VM,
    "graviton": GRAVITON,
    "raspberry-pi": RASPBERRY_PI,
    "container": CONTAINER,
    "laptop": LAPTOP,
    "ampere": AMPERE,
    "apple-vm": APPLE_VM,
    "nothing": System(),
}
