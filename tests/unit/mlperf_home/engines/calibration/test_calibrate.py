"""Calibrations of stub engines, with a clock driven by the engines."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.codec import decode, encode
from mlperf_home.contracts.runs.grids import Calibration, Candidates, Grid, calibration_words
from mlperf_home.engines.base import LENGTHS, BackendError, EngineDescription, EngineSetup
from mlperf_home.engines.calibration.calibrate import CalibrationClock, calibrate, promised_rate
from mlperf_home.engines.calibration.quiet import QuietWatch
from mlperf_home.engines.calibration.shapes import default_candidates, grid_contest, thread_contest, thread_counts
from mlperf_home.machine.sensors import CpuTime, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TEST_LENGTHS = (64, 128, 192, 256, 384)
IMAGE = {"input": {"shape": [1, 4, 4, 3], "dtype": "uint8"}}


class SimulatedMachine:
    """A machine whose time passes only in engine calls; `call_s` returns seconds for a batch, a length and a setup."""

    def __init__(self, call_s: Callable[[int, int, EngineSetup], float], open_s: float = 1.0) -> None:
        self.call_s = call_s
        self.open_s = open_s
        self.now_s = 0.0
        self.opened: list[EngineSetup] = []
        self.closed = 0
        self.refuse: Callable[[Grid], bool] = lambda _: False
        self.lock = threading.Lock()

    def make(self) -> Any:
        return SimulatedEngine(self)

    def timing(self) -> CalibrationClock:
        def quiet() -> CpuTime:
            return CpuTime(self.now_s, 0.0, 0.0, Usage(), 2)

        return CalibrationClock(lambda: self.now_s, QuietWatch(0.0, quiet, lambda: self.now_s))


class SimulatedEngine:
    """A backend of the simulated machine."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self.machine = machine
        self.opened_with = EngineSetup(Path("m"), Path(), Grid())

    def open(self, setup: EngineSetup) -> EngineDescription:
        machine = self.machine
        if machine.refuse(setup.grid):
            raise BackendError("does not fit")
        self.opened_with = setup
        machine.opened.append(setup)
        machine.now_s += machine.open_s
        return EngineDescription("stub", "1", IMAGE)

    def run(self, inputs: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        setup, length = self.opened_with, inputs[0].shape[1] if len(inputs) > 1 else 0
        with self.machine.lock:
            # Calls of several streams overlap: each adds its share of the time.
            self.machine.now_s += self.machine.call_s(len(inputs[0]), length, setup) / setup.grid.streams
        return np.zeros((1,), np.float32)

    def close(self) -> None:
        self.machine.closed += 1


def calibrate_grid(machine: SimulatedMachine, **others: Any) -> Calibration:
    contest = grid_contest(Candidates(lengths=TEST_LENGTHS))
    setup = EngineSetup(Path("m"), Path(), Grid())
    return calibrate(machine.make, setup, contest, TEST_LENGTHS, timing=machine.timing(), **others)


def calibrate_threads(machine: SimulatedMachine, cores: int = 2) -> Calibration:
    setup = EngineSetup(Path("m"), Path(), Grid(), options={"xnnpack": False})
    return calibrate(machine.make, setup, thread_contest(cores), timing=machine.timing())


def linear(batch: int, length: int, _setup: EngineSetup) -> float:
    return 1e-5 * length * batch


def test_a_grid_has_the_batch_of_the_nearest_probe() -> None:
    def call_s(batch: int, length: int, setup: EngineSetup) -> float:
        best = 4 if length < 200 else 1
        return 1e-5 * length * batch * (1 + abs(batch - best)) * (1.33 if setup.grid.streams == 2 else 1.0)

    machine = SimulatedMachine(call_s)
    calibration = calibrate_grid(machine)
    assert calibration.grid == Grid(TEST_LENGTHS, (4, 4, 4, 4, 1), 2)
    assert {speed.length for speed in calibration.measured} == {64, 192, 384}
    assert {setup.grid.lengths for setup in machine.opened} == {(64, 192, 384)}
    assert machine.closed == len(machine.opened)


def test_threads_are_chosen_by_the_slow_tail() -> None:
    number = iter(range(1_000_000))

    # Two threads are faster, but every fifth call waits for a time slice.
    def call_s(_batch: int, _length: int, setup: EngineSetup) -> float:
        slow = setup.options["threads"] == 2 and next(number) % 5 == 0
        return 0.005 if slow else {1: 0.002, 2: 0.001}[setup.options["threads"]]

    machine = SimulatedMachine(call_s)
    calibration = calibrate_threads(machine)
    assert calibration.threads == 1
    assert calibration.grid == Grid()
    assert all(setup.options["xnnpack"] is False for setup in machine.opened)


def test_the_choice_is_told_in_words() -> None:
    machine = SimulatedMachine(lambda _batch, _length, setup: {1: 0.002, 2: 0.001}[setup.options["threads"]])
    words = calibration_words(calibrate_threads(machine))
    assert words == "2 threads; 100 % faster than 1 thread; within 3 % of the best with probability 1"


def test_a_refused_candidate_is_named() -> None:
    machine = SimulatedMachine(lambda batch, length, _: 1e-5 * length * batch / (1 + batch))
    machine.refuse = lambda grid: max(grid.batch_sizes) > 4
    calibration = calibrate_grid(machine)
    assert set(calibration.grid.batch_sizes) == {4}
    assert calibration.skipped == ("batch 8, 2 streams: does not fit", "batch 8, 1 stream: does not fit")


def test_a_tiny_budget_measures_one_candidate_and_says_so() -> None:
    calibration = calibrate_grid(SimulatedMachine(linear, open_s=9.0), budget_s=1.0)
    assert calibration.grid == Grid(TEST_LENGTHS, (4,) * 5, 2)
    assert len(calibration.skipped) == 7
    assert "nothing else was measured" in calibration_words(calibration)


def test_a_calibration_can_be_stored_and_read() -> None:
    calibration = calibrate_grid(SimulatedMachine(linear))
    assert decode(encode(calibration), Calibration, "x") == calibration


def test_the_promise_interpolates_between_lengths() -> None:
    calibration = calibrate_grid(SimulatedMachine(linear))
    promised = promised_rate(calibration, [60, 64, 100, 384])
    # Samples are padded to 64, 64, 128 and 384 tokens; two streams share the time of a call.
    assert promised == pytest.approx(4 / (1e-5 * (64 + 64 + 128 + 384) / 2), rel=0.05)


@pytest.mark.parametrize(("cores", "streams"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (16, (1, 2, 8, 16))])
def test_candidates_follow_the_cores(cores: int, streams: tuple[int, ...]) -> None:
    assert default_candidates(cores).streams == streams
    assert default_candidates(cores).lengths == LENGTHS


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_powers_of_two_and_all_cores_are_compared(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts
