"""Streams that are threads keep to their nodes, where there are several nodes and the engine does not place them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness_jobs import run_options

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.contracts.runs.job import BackendChoice
from mlperf_home.harness.preparation import places_of
from mlperf_home.machine.cpu.placement import PhysicalCore

TWO_NODES = tuple(PhysicalCore((cpu,), cpu // 2) for cpu in range(4))
ONE_NODE = tuple(PhysicalCore((cpu,), 0) for cpu in range(4))


def places(grid: Grid, cores: tuple[PhysicalCore, ...] = TWO_NODES, **changes: Any) -> list[list[int]]:
    backend = {"name": "onnxruntime", "model_path": Path("m.onnx"), **changes.pop("backend", {})}
    options = run_options(Path("/nowhere"), **{"scenario": "Offline", "backend": BackendChoice(**backend), **changes})
    return [sorted(cpus) for cpus in places_of(options, grid, cores)]


def test_each_stream_is_placed_on_one_of_several_nodes() -> None:
    assert places(Grid((), (1,), 4)) == [[0], [1], [2], [3]]
    assert places(Grid((), (1,), 2)) == [[0, 1], [2, 3]]
    assert places(Grid((), (1,), 3), backend={"options": {"threads": 1}}) == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("cores", "changes"),
    [
        (ONE_NODE, {}),
        (TWO_NODES, {"scenario": "SingleStream"}),
        (TWO_NODES, {"backend": {"name": "openvino"}}),
        (TWO_NODES, {"backend": {"cores": 2}}),
    ],
    ids=["one node", "a single stream", "the engine places", "fewer cores requested"],
)
def test_otherwise_the_kernel_places_them(cores: tuple[PhysicalCore, ...], changes: dict[str, Any]) -> None:
    assert places(Grid((), (1,), 2), cores, **changes) == []


def test_questions_are_left_to_their_engines() -> None:
    assert places(Grid((384,), (1,), 2)) == []
