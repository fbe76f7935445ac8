"""The ways of sharing cores between streams that `scaling.py` compares."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.machine.cpu.placement import node_count, place_streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.machine.cpu.placement import PhysicalCore


@dataclass(frozen=True)
class Way:
    """A number of cores, and streams x threads on them.

    Attributes:
        cores: the number of physical cores.
        streams, threads: the simultaneous calls of the engine, and the threads of each.
        cpus: the logical CPUs of the process.
        where: the nodes of the cores: "" on machines with one, else "one node", "2 nodes, spread" and so on.
        places: the logical CPUs of each stream; () if the kernel places them within `cpus`.
    """

    cores: int
    streams: int
    threads: int
    cpus: tuple[int, ...]
    where: str = ""
    places: tuple[tuple[int, ...], ...] = ()

    @property
    def name(self) -> str:
        """The way in words: "4 cores, 2 x 2, one node"."""
        words = [f"{self.cores} core{'s' if self.cores > 1 else ''}", f"{self.streams} x {self.threads}"]
        return ", ".join([*words, *filter(None, [self.where, "placed" if self.places else ""])])


def plan_ways(cores: Sequence[PhysicalCore], *, places: bool = True) -> list[Way]:
    """Return the ways: 1, 2, 4, ... all cores; `places`: also with placed streams, where there are several nodes."""
    several, ways = node_count(cores) > 1, []
    packed, spread = _packed(cores), _spread(cores)
    for count in core_counts(len(cores)):
        chosen = packed[:count]
        ways += _shares(chosen, _where(chosen) if several else "")
        if several and set(spread[:count]) != set(chosen):
            ways += _shares(spread[:count], f"{_where(spread[:count])}, spread")
    if several and places:
        ways += [_placed(cores, way) for way in ways if way.cores == len(cores)]
    cpus = _cpus(cores)
    if len(cpus) > len(cores):
        ways.append(Way(len(cores), len(cpus), 1, cpus, "a stream for each sibling"))
    return ways


def core_counts(most: int) -> list[int]:
    """Return 1, 2, 4, ... and `most`."""
    doubled = itertools.takewhile(lambda count: count < most, (1 << power for power in itertools.count()))
    return [*doubled, most]


def _packed(cores: Sequence[PhysicalCore]) -> list[PhysicalCore]:
    """Return the cores in the order in which streams are placed: one node after the other, fast cores first."""
    by_cpus = {frozenset(core.cpus): core for core in cores}
    return [by_cpus[cpus] for cpus in place_streams(cores, len(cores))]


def _spread(cores: Sequence[PhysicalCore]) -> list[PhysicalCore]:
    """Return the cores of all nodes in turns."""
    nodes: dict[int | None, list[PhysicalCore]] = {}
    for core in _packed(cores):
        nodes.setdefault(core.node, []).append(core)
    turns = itertools.zip_longest(*nodes.values())
    return [core for turn in turns for core in turn if core is not None]


def _where(cores: Sequence[PhysicalCore]) -> str:
    count = len({core.node for core in cores})
    return "one node" if count == 1 else f"{count} nodes"


def _shares(cores: Sequence[PhysicalCore], where: str) -> Iterator[Way]:
    """Yield one stream with all cores, streams of two cores, and a stream for each core."""
    count = len(cores)
    for streams in sorted({1, max(1, count // 2), count}):
        yield Way(count, streams, count // streams, _cpus(cores), where)


def _placed(cores: Sequence[PhysicalCore], way: Way) -> Way:
    places = place_streams(cores, way.streams, way.threads)
    return Way(way.cores, way.streams, way.threads, way.cpus, way.where, tuple(tuple(sorted(each)) for each in places))


def _cpus(cores: Sequence[PhysicalCore]) -> tuple[int, ...]:
    return tuple(sorted(cpu for core in cores for cpu in core.cpus))
