"""Races on a simulated machine, whose time passes in openings and slices only."""

from __future__ import annotations

import statistics
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from calibrated_machine import MoodyBench

from mlperf_home.contracts.runs.grids import Candidates
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.calibration.choice import choice_name, doubt_of
from mlperf_home.engines.calibration.race import Race
from mlperf_home.engines.calibration.shapes import Contest, grid_contest, thread_contest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ExactBench:
    """A bench without noise; `seconds` returns a sample's time for a contender's index and a length's index."""

    def __init__(self, contest: Contest, seconds: Callable[[int, int], float], open_s: float = 1.0) -> None:
        self.contest, self.seconds, self.open_s = contest, seconds, open_s
        self.now_s = 0.0
        self.quiet = True
        self.room = len(contest.contenders)
        self.open_now: set[int] = set()
        self.most_open = 0
        self.refused: set[int] = set()

    def clock(self) -> float:
        return self.now_s

    def open(self, contender: int) -> None:
        self.now_s += self.open_s
        if contender in self.refused:
            raise BackendError("does not fit")
        self.open_now.add(contender)
        self.most_open = max(self.most_open, len(self.open_now))

    def close(self, contender: int) -> None:
        self.open_now.remove(contender)

    def has_room(self) -> bool:
        return len(self.open_now) < self.room

    def slice(self, contender: int, length: int) -> tuple[float, int]:
        self.now_s += 0.3
        return self.seconds(contender, length), 3


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def run(bench: ExactBench | MoodyBench, budget_s: float = 60.0) -> Race:
    race = Race(bench.contest, bench, budget_s, bench.clock)
    race.run()
    return race


def chosen(race: Race) -> str:
    return choice_name(race.contest, race.grids.best(race.times.levels())[1])


def grids() -> Contest:
    return grid_contest(Candidates(lengths=(96, 224, 384)))


def by_name(contest: Contest, seconds: Callable[[int, int, int], float]) -> Callable[[int, int], float]:
    """Return the time of a cell from streams, batch size and length."""

    def of_cell(contender: int, length: int) -> float:
        shape = contest.contenders[contender]
        return seconds(shape.streams, shape.batch_size, contest.probes[length])

    return of_cell


def test_the_fastest_batches_and_streams_are_chosen() -> None:
    contest = grids()
    # Long samples are fastest alone, short ones in batches of four; two streams are faster.
    time_of = by_name(
        contest,
        lambda streams, batch, length: 1e-5 * length * (1 + abs(batch - (4 if length < 200 else 1))) / streams**0.5,
    )
    race = run(ExactBench(contest, time_of))
    assert chosen(race) == "batches 4, 1, 1, 2 streams"
    assert not race.skipped


def test_equal_speeds_choose_small_batches_and_all_streams() -> None:
    assert chosen(run(ExactBench(grids(), lambda *_: 0.01))) == "batch 1, 2 streams"


def test_equal_threads_choose_the_fewest() -> None:
    race = run(ExactBench(thread_contest(4), lambda *_: 0.01))
    assert chosen(race) == "1 thread"
    assert doubt_of(race.contest, race.times).tied_with == ("2 threads", "4 threads")


def test_a_clear_choice_ends_the_race_early() -> None:
    bench = ExactBench(thread_contest(2), lambda contender, _: (0.02, 0.01)[contender])
    race = run(bench, 240.0)
    assert (chosen(race), race.settled) == ("2 threads", True)
    assert bench.now_s < 15


def test_a_disturbed_race_does_not_end_early() -> None:
    bench = ExactBench(thread_contest(2), lambda contender, _: (0.02, 0.01)[contender])
    bench.quiet = False
    race = run(bench, 60.0)
    assert not race.settled
    assert bench.now_s >= 60


def test_slow_openings_leave_contenders_out() -> None:
    bench = ExactBench(grids(), lambda *_: 0.01, open_s=90.0)
    race = run(bench)
    assert chosen(race) == "batch 4, 2 streams"
    assert len(race.skipped) == 7
    assert all("no time left" in text for text in race.skipped)
    assert not bench.open_now


def test_a_refused_contender_is_left_out() -> None:
    bench = ExactBench(grids(), lambda contender, _: 0.01 * (contender + 1))
    bench.refused = {0}
    race = run(bench)
    assert race.skipped == ["batch 4, 2 streams: does not fit"]
    assert chosen(race) == "batch 4, 1 stream"


def test_an_engine_that_refuses_all_is_an_error() -> None:
    bench = ExactBench(grids(), lambda *_: 0.01)
    bench.refused = set(range(8))
    with pytest.raises(BackendError, match="does not fit"):
        run(bench)


def test_one_contender_is_measured_and_told() -> None:
    bench = ExactBench(thread_contest(1), lambda *_: 0.01)
    race = run(bench)
    assert (chosen(race), race.settled) == ("1 thread", True)
    assert doubt_of(race.contest, race.times).runner_up is None
    assert bench.now_s < 5


def test_little_memory_lets_slower_engines_make_room() -> None:
    bench = ExactBench(grids(), lambda contender, _: 0.02 / (contender + 1))
    bench.room = 3
    race = run(bench, 240.0)
    assert bench.most_open == 3
    assert not race.skipped
    assert chosen(race) == "batch 8, 1 stream"


def test_a_clock_that_jumps_ends_or_goes_on() -> None:
    bench = ExactBench(thread_contest(2), lambda contender, _: (0.010, 0.0105)[contender])
    jumps = iter([0.0, 0.0, -500.0, 0.0, 5000.0])
    race = Race(bench.contest, bench, 20.0, lambda: bench.now_s + next(jumps, 5000.0))
    race.run()
    assert chosen(race) == "1 thread"


def test_a_stop_in_a_slice_closes_all_engines() -> None:
    class Stopped(ExactBench):
        def slice(self, contender: int, length: int) -> tuple[float, int]:
            if self.now_s > 15:
                raise KeyboardInterrupt
            return super().slice(contender, length)

    bench = Stopped(grids(), lambda *_: 0.01)
    with pytest.raises(KeyboardInterrupt):
        run(bench)
    assert not bench.open_now


@pytest.mark.parametrize(("kind", "seconds"), [("bert", 60.0), ("bert", 240.0), ("tflite", 60.0)])
def test_most_choices_on_a_moody_machine_are_good(kind: str, seconds: float) -> None:
    losses = []
    for seed in range(8):
        bench = MoodyBench(kind, seed)
        race = Race(bench.contest, bench, seconds, bench.clock, seed)
        race.run()
        losses.append(bench.loss(race.grids.best(race.times.levels())[1]))
    assert max(losses) <= 0.10
    assert statistics.median(losses) <= 0.03


def test_outliers_and_drift_do_not_move_the_levels() -> None:
    bench = ExactBench(thread_contest(2), lambda *_: 0.0)
    number = iter(range(1000))

    def moody(contender: int, _length: int) -> float:
        count = next(number)
        return (0.010, 0.013)[contender] * (1 + count / 50) * (30 if count in {7, 18} else 1)

    bench.seconds = moody
    race = run(bench, 15.0)
    levels = race.times.levels()[:, 0]
    assert np.exp(levels[1] - levels[0]) == pytest.approx(1.3, rel=0.03)
    assert chosen(race) == "1 thread"
