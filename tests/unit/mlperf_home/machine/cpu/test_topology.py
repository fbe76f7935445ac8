"""Sources that disagree about the topology are told, and counts that do not multiply out are not used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from recorded_machines import Machine, lscpu_json, processors

from mlperf_home.engines.engine import cores_cpus
from mlperf_home.machine.cpu.cpu import Cpu, read_cpu
from mlperf_home.machine.facts import read_machine
from mlperf_home.submission.system.description import UserFacts, describe_system

if TYPE_CHECKING:
    from pathlib import Path

CPUS = "sys/devices/system/cpu"


def sys_files(cores: list[str], packages: list[int] | None = None, **more: str) -> dict[str, str]:
    """Return /sys of CPUs, each with the list of its core's threads."""
    files = {f"{CPUS}/{name}": f"{text}\n" for name, text in more.items()}
    for number, threads in enumerate(cores):
        files[f"{CPUS}/cpu{number}/topology/core_cpus_list"] = f"{threads}\n"
        files[f"{CPUS}/cpu{number}/topology/physical_package_id"] = f"{packages[number] if packages else 0}\n"
    return files


def lscpu(sockets: object, cores: object, threads: object, cpus: str, **more: object) -> str:
    rows = {
        "Socket(s)": sockets,
        "Core(s) per socket": cores,
        "Thread(s) per core": threads,
        "On-line CPU(s) list": cpus,
    }
    return lscpu_json("\n".join(f"{name}: {value}" for name, value in {**rows, **more}.items()))


def proc(cores: list[tuple[int, int]], **more: Any) -> dict[str, str]:
    """Return /proc/cpuinfo of CPUs, each with its package and core."""
    numbers = {"physical_id": [str(each[0]) for each in cores], "core_id": [str(each[1]) for each in cores]}
    return {"proc/cpuinfo": processors(len(cores), "vendor_id\t: GenuineIntel", **numbers, **more)}


def counts(cpu: Cpu) -> tuple[int | None, ...]:
    return (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus)


FOUR = ["0", "1", "2", "3"]
PAIRS = ["0-1", "0-1", "2-3", "2-3"]
ONE_OF_FOUR = [(0, 0), (0, 1), (0, 2), (0, 3)]


@pytest.mark.parametrize(
    ("text", "files", "expected", "told"),
    [
        # lscpu takes each core for a socket; /sys and /proc agree.
        (lscpu(4, 1, 1, "0-3"), sys_files(FOUR) | proc(ONE_OF_FOUR), (1, 4, 1, 4), "lscpu tells of 4 sockets"),
        # A virtual machine with each core as a socket, by all sources.
        (lscpu(4, 1, 1, "0-3"), sys_files(FOUR, [0, 1, 2, 3]), (4, 1, 1, 4), ""),
        # /sys differs from the two others.
        (lscpu(1, 2, 2, "0-3"), sys_files(FOUR) | proc([(0, 0)] * 2 + [(0, 1)] * 2), (1, 2, 2, 4), "/sys tells of 1"),
        # Two sources differ: the kernel's goes first.
        (lscpu(2, 2, 1, "0-3"), sys_files(FOUR), (1, 4, 1, 4), "lscpu tells of 2 sockets, 4 cores"),
        # A container shows two CPUs of four in /proc/cpuinfo, or in the list of those on-line.
        (lscpu(1, 4, 1, "0-3"), sys_files(FOUR) | proc(ONE_OF_FOUR[:2]), (1, 4, 1, 4), "/proc/cpuinfo tells of 1 so"),
        (lscpu(1, 2, 1, "0-1"), sys_files(FOUR, online="0-1") | proc(ONE_OF_FOUR[:2]), (1, 2, 1, 2), ""),
        # Zeros are unknown.
        (lscpu(0, 0, 0, "0-3"), sys_files(PAIRS), (1, 2, 2, 4), ""),
        (lscpu(0, 0, 0, "0-3"), {}, (None, None, None, 4), ""),
        # Counts that do not multiply out.
        (lscpu(2, 4, 2, "0-7"), {}, (None, None, None, None), "(8 cores x 2 threads are not 8 CPUs)"),
        (lscpu(2, 4, 2, "0-7"), sys_files(PAIRS), (1, 2, 2, 4), "lscpu contradicts itself"),
        (lscpu(8, 1, 1, "0-3"), proc(ONE_OF_FOUR), (1, 4, 1, 4), "lscpu contradicts itself (8 cores have 4 CPUs)"),
        (None, proc([(0, 0), (1, 0)], cpu_cores=["0", "0"]), (None, None, None, None), "2 x 0 cores are fewer than 2"),
        # A list of threads that lacks the CPU itself.
        (None, sys_files(["1", "0"]), (None, None, None, 2), "/sys contradicts itself (CPU 0 is not among"),
        # Numbers of cores that repeat in each die or cluster.
        (None, sys_files(FOUR) | proc([(0, 0), (0, 1), (0, 0), (0, 1)]), (1, 4, 1, 4), "/proc/cpuinfo tells of"),
        # Hybrid cores: two with two threads, two with one.
        (lscpu(1, 4, 2, "0-5"), sys_files(["0-1"] * 2 + ["2-3"] * 2 + ["4", "5"]), (1, 4, None, 6), ""),
        (lscpu(1, 4, 2, "0-5"), {}, (1, 4, None, 6), ""),
        # Arm without numbers of packages.
        (lscpu("-", "-", 1, "0-3"), sys_files(FOUR, [-1] * 4), (None, None, 1, 4), ""),
        # Sockets of different sizes, and a CPU that is off-line.
        (None, sys_files(["0", "1", "2"], [0, 0, 1]), (2, None, 1, 3), ""),
        (None, sys_files(PAIRS) | {f"{CPUS}/cpu3/online": "0\n"}, (1, 2, None, 3), ""),
        # What no lscpu prints.
        (lscpu("nan", "inf", -1, "0-3"), sys_files(FOUR), (1, 4, 1, 4), ""),
        (lscpu("9" * 5000, 1, 1, "0-" + "9" * 5000), sys_files(FOUR), (1, 4, 1, 4), None),
    ],
)  # fmt: skip
def test_sources_are_compared(
    text: str | None, files: dict[str, str], expected: tuple[int | None, ...], told: str | None, tmp_path: Path
) -> None:
    cpu = read_cpu(text, Machine(text, files).write(tmp_path))

    assert counts(cpu) == expected
    if told is not None:
        assert [told in note for note in cpu.disagreements] == ([True] if told else [])
    assert all(cpu.missing[name] for name in ("sockets", "cores_per_socket") if getattr(cpu, name) is None)
    json.dumps(cpu.disagreements)


def test_known_counts_always_multiply_out(tmp_path: Path) -> None:
    cpu = read_cpu(
        lscpu(1, 2, 2, "0-3"), Machine(None, {f"{CPUS}/cpu{n}/online": "1\n" for n in range(8)}).write(tmp_path)
    )

    assert counts(cpu) == (None, None, None, 8)
    assert "lscpu tells of 1 socket, 2 cores, 2 threads per core, 4 CPUs, /sys of 8 CPUs" in cpu.disagreements[0]


def test_the_engine_and_the_facts_count_the_same_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    root = Machine(None, sys_files(PAIRS)).write(tmp_path)

    assert len(cores_cpus(root=root)) == read_cpu(lscpu(1, 4, 1, "0-3"), root).cores == 2


CACHE = {
    f"{CPUS}/cpu0/cache/index0/{name}": f"{value}\n"
    for name, value in {"level": "3", "type": "Unified", "size": "1024K", "shared_cpu_list": "0"}.items()
}


@pytest.mark.parametrize(
    ("row", "files", "told"),
    [
        ({"NUMA node(s)": 2}, {"sys/devices/system/node/node0/cpulist": "0\n"}, "2 NUMA nodes, /sys of 1"),
        ({"L3 cache": "2 MiB (1 instance)"}, CACHE, "2048 KiB in 1 instance of L3 cache, /sys of 1024 KiB"),
        ({"L3 cache": "1 MiB (2 instances)"}, CACHE, "in 2 instances of L3 cache, /sys of 1024 KiB in 1 i"),
        ({"L3 cache": "1 MiB (1 instance)"}, CACHE, ""),
        ({"L3 cache": "2 MiB"}, CACHE, ""),
        ({"CPU max MHz": 9000}, {f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq": "3000000\n"}, "9000 MHz, /sys of 3000"),
        ({"CPU max MHz": 3000.1}, {f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq": "3000000\n"}, ""),
        ({"CPU max MHz": 1000, "CPU min MHz": 2000}, {}, "the lowest frequency, 2000 MHz, is above the highest"),
        ({"CPU max MHz": 0, "CPU min MHz": "nan"}, {}, ""),
    ],
)  # fmt: skip
def test_other_facts_are_compared(row: dict[str, object], files: dict[str, str], told: str, tmp_path: Path) -> None:
    text = lscpu_json("\n".join(f"{name}: {value}" for name, value in row.items()))

    cpu = read_cpu(text, Machine(text, {f"{CPUS}/cpu0/online": "1\n"} | files).write(tmp_path))

    assert [told in note for note in cpu.disagreements] == ([True] if told else [])
    assert cpu.frequency_max_mhz in {None, 3000.0, 3000.1}


def test_the_description_tells_what_disagrees(tmp_path: Path) -> None:
    text = lscpu(4, 1, 1, "0-3")
    facts = read_machine(Machine(text, sys_files(FOUR)).write(tmp_path), text)

    described = describe_system(facts, UserFacts("X", hw_notes_extra="mine"))

    assert described.values["host_processors_per_node"] == "1"
    assert described.values["host_processor_core_count"] == "4"
    assert described.values["hw_notes"].startswith("mine; lscpu tells of 4 sockets")
    assert any(each.startswith("hw_notes: sources disagree") for each in described.unknown)


DIMM = "Handle 1\nMemory Device\n\tSize: {} GB\n\tType: DDR5\n\tForm Factor: DIMM\n"


@pytest.mark.parametrize(("size", "told"), [(8, True), (16, False), (64, True)])
def test_modules_are_compared_with_the_kernels_memory(size: int, told: bool, tmp_path: Path) -> None:
    files = {"proc/meminfo": f"MemTotal: {15 << 20} kB\n"}
    facts = read_machine(Machine(None, files).write(tmp_path), dmidecode=DIMM.format(size))

    described = describe_system(facts, UserFacts("X"))

    assert any("dmidecode" in each for each in facts.disagreements) is told
    assert ("DDR5" in described.values["host_memory_configuration"]) is (size >= 15)


def test_a_limit_above_the_memory_is_none(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal: 1000 kB\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "9000000\n",
    }
    cpu = read_cpu(None, Machine(None, files).write(tmp_path))

    assert cpu.memory_limit_bytes is None
    assert cpu.missing["memory_limit_bytes"] == "the control groups allow more than there is"


@pytest.mark.parametrize("text", ["MemTotal: 0 kB", "MemTotal: x kB", f"MemTotal: {'9' * 5000} kB", "MemTotal: -1 kB"])
def test_no_memory_is_unknown(text: str, tmp_path: Path) -> None:
    assert read_cpu(None, Machine(None, {"proc/meminfo": text}).write(tmp_path)).memory_total_bytes is None
