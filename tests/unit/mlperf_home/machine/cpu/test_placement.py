"""Streams are placed by nodes, cores and kinds of cores, on recorded topologies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recorded_machines import Machine

from mlperf_home.machine.cpu.placement import core_kinds, node_count, place_streams, read_cores

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mlperf_home.machine.cpu.placement import PhysicalCore

CPUS = "sys/devices/system/cpu"


def topology(siblings: dict[int, str], nodes: tuple[str, ...] = (), **more: str) -> Machine:
    """Return /sys of CPUs with the threads of their cores, and the CPUs of each node."""
    files = {f"{CPUS}/cpu{cpu}/topology/core_cpus_list": f"{text}\n" for cpu, text in siblings.items()}
    files |= {f"sys/devices/system/node/node{number}/cpulist": f"{text}\n" for number, text in enumerate(nodes)}
    return Machine(None, files | {name.replace("__", "/"): f"{text}\n" for name, text in more.items()})


def pairs(cores: int) -> dict[int, str]:
    """Return cores of two threads, numbered as on servers: the siblings follow after all first threads."""
    return {cpu: f"{cpu % cores},{cpu % cores + cores}" for cpu in range(2 * cores)}


def cores_of(root: Path, machine: Machine, allowed: Collection[int]) -> tuple[PhysicalCore, ...]:
    return read_cores(machine.write(root), allowed)


# Two sockets of four cores with two threads: CPUs 0-3 and 8-11 are of the first.
XEON = topology(pairs(8), ("0-3,8-11", "4-7,12-15"))
# One socket of four nodes with two cores each and no second threads.
EPYC = topology({cpu: str(cpu) for cpu in range(8)}, ("0-1", "2-3", "4-5", "6-7"))
# Two performance cores with two threads, and four efficiency cores.
INTEL_HYBRID = topology(
    {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3", **{cpu: str(cpu) for cpu in range(4, 8)}},
    ("0-7",),
    sys__devices__cpu_core__cpus="0-3",
    sys__devices__cpu_atom__cpus="4-7",
)
# Four little cores come first, as on many boards.
BIG_LITTLE = topology(
    {cpu: str(cpu) for cpu in range(6)},
    **{f"sys__devices__system__cpu__cpu{cpu}__cpu_capacity": "446" if cpu < 4 else "1024" for cpu in range(6)},
)
# CPUs 1 and 4 are off-line, so that their numbers are missing.
HOLES = topology({0: "0", 2: "2-3", 3: "2-3", 5: "5"}, ("0,2-3,5",))


def placed(cores: tuple[PhysicalCore, ...], streams: int, threads: int = 1) -> list[list[int]]:
    return [sorted(cpus) for cpus in place_streams(cores, streams, threads)]


def test_one_node_is_filled_before_the_next(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, XEON, range(16))

    assert node_count(cores) == 2
    assert placed(cores, 5) == [[0, 8], [1, 9], [2, 10], [3, 11], [4, 12]]


def test_a_stream_with_threads_stays_on_one_node(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, XEON, range(16))

    assert placed(cores, 2, 3) == [[0, 1, 2, 8, 9, 10], [4, 5, 6, 12, 13, 14]]
    assert placed(cores, 2, 4) == [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]]
    # No node has eight cores.
    assert len(placed(cores, 1, 8)[0]) == 16


def test_siblings_come_last(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, XEON, range(16))

    found = placed(cores, 10)

    assert found[:8] == [[0], [1], [2], [3], [8], [9], [10], [11]]
    assert found[8:] == [[4], [5]]


def test_more_streams_than_cpus_share_them(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, HOLES, {0, 2, 3, 5})

    assert placed(cores, 6) == [[0], [2], [5], [3], [0], [2]]


def test_nodes_within_a_socket_are_separate(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, EPYC, range(8))

    assert node_count(cores) == 4
    assert placed(cores, 3, 2) == [[0, 1], [2, 3], [4, 5]]
    assert placed(cores, 3) == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("machine", "allowed", "kinds", "first"),
    [
        (INTEL_HYBRID, range(8), {"performance": 2, "efficiency": 4}, [[0, 1], [2, 3], [4]]),
        (BIG_LITTLE, range(6), {"performance": 2, "efficiency": 4}, [[4], [5], [0]]),
        (INTEL_HYBRID, range(4, 8), {}, [[4], [5], [6]]),
        (XEON, range(16), {}, [[0, 8], [1, 9], [2, 10]]),
    ],
    ids=["Intel", "Arm", "only efficiency cores", "no hybrid"],
)
def test_performance_cores_come_first(
    tmp_path: Path, machine: Machine, allowed: Collection[int], kinds: dict[str, int], first: list[list[int]]
) -> None:
    cores = cores_of(tmp_path, machine, allowed)

    assert core_kinds(cores) == kinds
    assert placed(cores, 3) == first


def test_holes_in_the_numbers_are_no_cores(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, HOLES, {0, 2, 3, 5})

    assert [core.cpus for core in cores] == [(0,), (2, 3), (5,)]


def test_a_cpuset_leaves_its_cpus_only(tmp_path: Path) -> None:
    # A container that may use one thread of a core of the first socket, and two cores of the second.
    cores = cores_of(tmp_path, XEON, {3, 4, 5, 12})

    assert [core.cpus for core in cores] == [(3,), (4, 12), (5,)]
    assert placed(cores, 3) == [[4, 12], [5], [3]]
    assert placed(cores, 1, 2) == [[4, 5, 12]]


def test_a_machine_that_tells_nothing_has_cores(tmp_path: Path) -> None:
    cores = cores_of(tmp_path, Machine(None), {0, 1})

    assert (node_count(cores), core_kinds(cores)) == (0, {})
    assert placed(cores, 2) == [[0], [1]]
