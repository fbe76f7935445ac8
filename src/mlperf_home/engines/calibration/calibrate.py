"""A calibration: the race, its choice, and the document that keeps them.

Inputs are synthetic and all lengths count equally, because MLPerf's rules forbid statistics of the dataset.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.runs.grids import Calibration, Grid, Speed
from mlperf_home.engines.calibration.bench import EngineBench
from mlperf_home.engines.calibration.budgets import SHORT_S
from mlperf_home.engines.calibration.choice import choice_name, doubt_of
from mlperf_home.engines.calibration.quiet import QuietWatch
from mlperf_home.engines.calibration.race import Race
from mlperf_home.engines.calibration.shapes import NO_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.engines.base import Backend, EngineSetup
    from mlperf_home.engines.calibration.shapes import Contest

_PATIENCE = 0.5
"""Waiting for a quiet machine may take this share of the budget, in addition to it."""


@dataclass(frozen=True)
class CalibrationClock:
    """The clock and the watch of a calibration; tests pass their own."""

    clock: Callable[[], float] = time.monotonic
    watch: QuietWatch | None = None


def calibrate(
    make_backend: Callable[[], Backend],
    setup: EngineSetup,
    contest: Contest,
    lengths: Sequence[int] = (),
    *,
    budget_s: float = SHORT_S,
    timing: CalibrationClock | None = None,
) -> Calibration:
    """Race the contenders and return the choice.

    Args:
        make_backend: returns a new backend for each contender.
        setup: the model and its options; its grid is not used.
        contest: the contenders.
        lengths: the lengths of the grid to choose; the batch sizes are those of the nearest probed length.
        budget_s: the time in seconds for openings and slices together.
        timing: the clock and the watch.

    Raises:
        BackendError: the engine refuses all contenders.
    """
    timing = timing or CalibrationClock()
    clock, watch = timing.clock, timing.watch or QuietWatch(_PATIENCE * budget_s)
    started_s = clock()
    bench = EngineBench(make_backend, setup, contest, watch, clock)
    race = Race(contest, bench, budget_s, lambda: clock() - watch.lost_s, seed=time.time_ns())
    race.run()
    picked = race.grids.best(race.times.levels())[1]
    shapes = [contest.contenders[index] for index in picked]
    return Calibration(
        grid=Grid(tuple(lengths), _batches(contest, [each.batch_size for each in shapes], lengths), shapes[0].streams),
        measured=_speeds(race),
        skipped=tuple(race.skipped),
        elapsed_s=round(clock() - started_s, 3),
        threads=shapes[0].threads,
        chosen=choice_name(contest, picked),
        doubt=doubt_of(contest, race.times),
        disturbance=watch.disturbance(),
        budget_s=budget_s,
        settled=race.settled,
        made_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _batches(contest: Contest, chosen: Sequence[int], lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the batch size of each length of the grid."""
    if not lengths:
        return tuple(chosen)
    nearest = (min(contest.probes, key=lambda probe: abs(probe - length)) for length in lengths)
    return tuple(chosen[contest.probes.index(probe)] for probe in nearest)


def _speeds(race: Race) -> tuple[Speed, ...]:
    levels, speeds = race.times.levels(), []
    for index, shape in enumerate(race.contest.contenders):
        for place, length in enumerate(race.contest.probes):
            if not np.isnan(levels[index, place]):
                per_second = round(float(np.exp(-levels[index, place])), 3)
                calls = int(race.times.calls[index, place])
                speeds.append(Speed(length, shape.batch_size, shape.streams, per_second, calls, shape.threads))
    return tuple(speeds)


def promised_rate(calibration: Calibration, lengths: Sequence[int]) -> float | None:
    """Return the samples per second that a calibration promises for samples of these lengths; () for no lengths.

    The time at a length between two probes is interpolated. None if the chosen shapes were not measured.
    """
    grid, threads = calibration.grid, calibration.threads
    if not grid.lengths:
        alike = (each for each in calibration.measured if each.length == NO_LENGTH and each.threads == threads)
        return next((each.samples_per_second for each in alike), None)
    batches = dict(zip(grid.lengths, grid.batch_sizes, strict=True))
    seconds = {}
    for length, batch in batches.items():
        known = {
            each.length: 1 / each.samples_per_second
            for each in calibration.measured
            if (each.batch_size, each.streams) == (batch, grid.streams) and each.samples_per_second > 0
        }
        if not known:
            return None
        probes = sorted(known)
        # A batch size need not have been measured at every length; time grows about as the length.
        inside = np.interp(length, probes, [known[probe] / probe for probe in probes])
        seconds[length] = float(inside) * length
    buckets = np.asarray(grid.lengths)[np.searchsorted(grid.lengths, np.asarray(lengths))]
    return float(1 / np.mean([seconds[int(length)] for length in buckets]))
