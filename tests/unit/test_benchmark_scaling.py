"""The benchmark of scaling compares sensible ways on machines of every kind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlperf_home.machine.cpu.placement import PhysicalCore

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from scaling_ways import core_counts, plan_ways

# Two nodes of two cores with two threads each.
TWO_NODES = tuple(PhysicalCore((core, core + 4), core // 2) for core in range(4))
PLAIN = tuple(PhysicalCore((core,), 0) for core in range(3))


@pytest.mark.parametrize(("most", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_counts_of_cores_double_up_to_all(most: int, counts: list[int]) -> None:
    assert core_counts(most) == counts


def test_each_count_of_cores_is_shared_in_several_ways() -> None:
    names = [way.name for way in plan_ways(PLAIN)]

    assert names == ["1 core, 1 x 1", "2 cores, 1 x 2", "2 cores, 2 x 1", "3 cores, 1 x 3", "3 cores, 3 x 1"]


def test_nodes_are_filled_spread_and_placed() -> None:
    ways = {way.name: way for way in plan_ways(TWO_NODES)}

    assert ways["2 cores, 2 x 1, one node"].cpus == (0, 1, 4, 5)
    assert ways["2 cores, 2 x 1, 2 nodes, spread"].cpus == (0, 2, 4, 6)
    assert ways["4 cores, 2 x 2, 2 nodes, placed"].places == ((0, 1, 4, 5), (2, 3, 6, 7))
    assert ways["4 cores, 8 x 1, a stream for each sibling"].cpus == tuple(range(8))
    assert "4 cores, 4 x 1, 2 nodes, spread" not in ways


def test_engines_that_place_themselves_are_not_placed() -> None:
    assert not any(way.places for way in plan_ways(TWO_NODES, places=False))


def test_no_way_uses_more_cores_than_it_has() -> None:
    for way in plan_ways(TWO_NODES):
        assert way.streams * way.threads <= len(way.cpus)
        assert set(way.cpus) <= set(range(8))
