"""The choices of a calibration, with a clock driven by the backend."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.codec import decode, encode
from mlperf_home.contracts.runs.grids import Calibration, Candidates, Grid
from mlperf_home.engines.base import LENGTHS, BackendError, EngineDescription, EngineSetup
from mlperf_home.engines.calibration import calibrate, default_candidates

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TEST_LENGTHS = (64, 128, 192, 256, 384)


class SimulatedMachine:
    """A machine whose time passes only in engine calls; `call_s` returns seconds for (batch, length, streams)."""

    def __init__(self, call_s: Callable[[int, int, int], float], open_s: float = 1.0) -> None:
        self.call_s = call_s
        self.open_s = open_s
        self.now_s = 0.0
        self.calls = 0
        self.opened: list[Grid] = []
        self.closed = 0
        self.refuse: Callable[[Grid], bool] = lambda _: False
        self.lock = threading.Lock()

    def make(self) -> Any:
        return SimulatedEngine(self)

    def clock(self) -> float:
        return self.now_s


class SimulatedEngine:
    """A backend of the simulated machine."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self.machine = machine
        self.grid = Grid()

    def open(self, setup: EngineSetup) -> EngineDescription:
        machine = self.machine
        if machine.refuse(setup.grid):
            raise BackendError("does not fit")
        self.grid = setup.grid
        machine.opened.append(setup.grid)
        machine.now_s += machine.open_s
        return EngineDescription("stub", "1", {})

    def run(self, inputs: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        batch, length = inputs[0].shape
        with self.machine.lock:
            self.machine.calls += 1
            # Calls of several streams overlap: each adds its share of the time.
            self.machine.now_s += self.machine.call_s(batch, length, self.grid.streams) / self.grid.streams
        return np.zeros((batch, length, 2), np.float32)

    def close(self) -> None:
        self.machine.closed += 1


def _calibrate(machine: SimulatedMachine, **others: Any) -> Calibration:
    candidates = Candidates(lengths=TEST_LENGTHS)
    return calibrate(machine.make, EngineSetup(Path("m"), Path(), Grid()), candidates, clock=machine.clock, **others)


def test_the_fastest_batches_and_streams_are_chosen() -> None:
    # Long samples are fastest alone, short ones in batches of four; two streams are 1.5 times as fast.
    def call_s(batch: int, length: int, streams: int) -> float:
        best = 4 if length < 200 else 1
        return 1e-5 * length * batch * (1 + abs(batch - best)) * (1.33 if streams == 2 else 1.0)

    machine = SimulatedMachine(call_s)
    chosen = _calibrate(machine)
    assert chosen.grid == Grid(TEST_LENGTHS, (4, 4, 4, 4, 1), 2)
    assert machine.closed >= len(machine.opened)
    assert not chosen.skipped


def test_equal_speeds_choose_small_batches_and_all_streams() -> None:
    chosen = _calibrate(SimulatedMachine(lambda batch, length, streams: 1e-5 * length * batch * streams))
    assert chosen.grid.batch_sizes == (1,) * 5
    assert chosen.grid.streams == 2


def test_streams_that_slow_each_other_are_not_chosen() -> None:
    chosen = _calibrate(
        SimulatedMachine(lambda batch, length, streams: 1e-5 * length * batch * streams * (1 + streams))
    )
    assert chosen.grid.streams == 1


def test_only_lengths_of_the_grid_are_measured() -> None:
    machine = SimulatedMachine(lambda batch, length, _: 1e-5 * length * batch)
    chosen = _calibrate(machine)
    assert {speed.length for speed in chosen.measured} == {64, 192, 384}
    assert {grid.lengths for grid in machine.opened} == {(64, 192, 384)}


def test_the_number_of_calls_is_limited() -> None:
    machine = SimulatedMachine(lambda *_: 1e-9)
    _calibrate(machine)
    assert machine.calls <= 5 * 3 * (5 * 64 + 2)


def test_a_slow_compile_skips_candidates() -> None:
    machine = SimulatedMachine(lambda batch, length, _: 1e-5 * length * batch, open_s=90.0)
    chosen = _calibrate(machine)
    assert len(machine.opened) == 1
    assert chosen.grid == Grid(TEST_LENGTHS, (4,) * 5, 2)
    assert len(chosen.skipped) == 4
    assert all("no time left" in text for text in chosen.skipped)


def test_a_refused_candidate_is_skipped() -> None:
    machine = SimulatedMachine(lambda batch, length, _: 1e-5 * length * batch / (1 + batch))
    machine.refuse = lambda grid: max(grid.batch_sizes) > 4
    chosen = _calibrate(machine)
    assert set(chosen.grid.batch_sizes) == {4}
    assert chosen.skipped == ("batch 8, 2 streams: does not fit",)


def test_a_refused_model_is_an_error() -> None:
    machine = SimulatedMachine(lambda *_: 1.0)
    machine.refuse = lambda _: True
    with pytest.raises(BackendError, match="does not fit"):
        _calibrate(machine)


def test_a_calibration_can_be_stored_and_read() -> None:
    chosen = _calibrate(SimulatedMachine(lambda batch, length, _: 1e-5 * length * batch))
    assert decode(encode(chosen), Calibration, "x") == chosen


@pytest.mark.parametrize(("cores", "streams"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (16, (1, 2, 8, 16))])
def test_candidates_follow_the_cores(cores: int, streams: tuple[int, ...]) -> None:
    assert default_candidates(cores).streams == streams
    assert default_candidates(cores).lengths == LENGTHS
