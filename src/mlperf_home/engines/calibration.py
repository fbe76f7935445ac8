"""Choose batch sizes and streams for a fixed grid of lengths by a short measurement on this machine.

Inputs are synthetic and every length counts alike: MLPerf's rules forbid statistics of the dataset.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.grids import Calibration, Candidates, Grid, Speed
from mlperf_home.engines.base import LENGTHS, BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Backend, Request

BUDGET_S = 20.0
"""No further candidate is begun after this long; the first one is always measured."""

_ROUNDS = 5
_ROUND_S = 0.1
_MOST_CALLS = 64  # in one round of one length, all streams together
_SMALLER_BATCH = 1.03  # a smaller batch is taken unless a larger one gains more than this
# More streams are taken unless fewer gain more than this: while one caller prepares its next batch
# the other's is computed, and a stream that a busy neighbour holds up does not hold up all cores.
_MORE_STREAMS = 1.10
_VOCABULARY = 100  # token ids below this exist in every vocabulary


def default_candidates(cores: int, lengths: tuple[int, ...] = LENGTHS) -> Candidates:
    """Return what is worth trying on a machine of so many cores."""
    streams = sorted({1, min(2, cores), max(1, cores // 2), cores})
    return Candidates(lengths=lengths, streams=tuple(streams))


def calibrate(
    make_backend: Callable[[], Backend],
    request: Request,
    candidates: Candidates,
    *,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
) -> Calibration:
    """Measure, first the numbers of streams at a middling batch, then the batch sizes.

    Three lengths of the grid stand for the others: the shortest, the middle one and the longest.

    The request's own grid is not looked at; no further candidate is begun after `budget_s`.

    Raises:
        BackendError: the backend refuses even the first candidate.
    """
    lengths = candidates.lengths
    probes = tuple(sorted({lengths[0], lengths[len(lengths) // 2], lengths[-1]}))
    bench = _Bench(make_backend, request, probes, clock)
    started_s = clock()
    middling = sorted(candidates.batch_sizes)[len(candidates.batch_sizes) // 2]
    # The likeliest first, in case that there is time for one only.
    for streams in sorted(candidates.streams, reverse=True):
        bench.try_one(middling, streams, enough=clock() - started_s > budget_s)
    streams = bench.best_streams(middling)
    for batch_size in sorted(set(candidates.batch_sizes) - {middling}):
        bench.try_one(batch_size, streams, enough=clock() - started_s > budget_s)
    batch_sizes = tuple(bench.best_batch(length, streams) for length in candidates.lengths)
    grid = Grid(candidates.lengths, batch_sizes, streams)
    return Calibration(grid, tuple(bench.measured), tuple(bench.skipped), round(clock() - started_s, 3))


def synthetic_inputs(batch: int, length: int, seed: int = 0) -> Inputs:
    """Return a batch of random tokens without padding, (batch, length) int64, the same for the same seed."""
    ids = np.random.default_rng(seed).integers(1, _VOCABULARY, size=(batch, length), dtype=np.int64)
    return ids, np.ones_like(ids), np.zeros_like(ids)


@dataclass
class _Bench:
    """Opens the backend for one candidate after another and keeps what was measured."""

    make_backend: Callable[[], Backend]
    request: Request
    lengths: tuple[int, ...]
    clock: Callable[[], float]
    measured: list[Speed] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def try_one(self, batch_size: int, streams: int, *, enough: bool) -> None:
        """Measure a candidate at every probed length, or note why not."""
        name = f"batch {batch_size}, {streams} streams"
        if enough and self.measured:
            self.skipped.append(f"{name}: no time left")
            return
        grid = Grid(self.lengths, (batch_size,) * len(self.lengths), streams)
        backend = self.make_backend()
        try:
            backend.open(replace(self.request, grid=grid))
            self.measured += self._speeds(backend, batch_size, streams)
        except BackendError as error:
            # A batch too large for the memory is no reason to give up what fits.
            if not self.measured:
                raise
            self.skipped.append(f"{name}: {error}")
        finally:
            backend.close()

    def best_streams(self, batch_size: int) -> int:
        """The largest number of streams that is about as good as the best, for one sample of each length."""
        seconds: defaultdict[int, float] = defaultdict(float)
        for speed in self.measured:
            if speed.batch_size == batch_size:
                seconds[speed.streams] += 1 / speed.samples_per_second
        least = min(seconds.values())
        return max(streams for streams, needed in seconds.items() if needed <= least * _MORE_STREAMS)

    def best_batch(self, length: int, streams: int) -> int:
        """The smallest batch size that is as good as the best, at the nearest probed length."""
        nearest = min(self.lengths, key=lambda probe: abs(probe - length))
        speeds = {
            speed.batch_size: speed.samples_per_second
            for speed in self.measured
            if speed.length == nearest and speed.streams == streams
        }
        best = max(speeds.values())
        return min(size for size, speed in speeds.items() if speed * _SMALLER_BATCH >= best)

    def _speeds(self, backend: Backend, batch_size: int, streams: int) -> list[Speed]:
        """Time some calls of every length, from as many threads as there are streams.

        The lengths take turns, so that a busy moment of the machine does not fall on one of them alone.
        """
        inputs = {length: synthetic_inputs(batch_size, length) for length in self.lengths}
        calls: dict[int, int] = {}
        for length in self.lengths:
            once_s = self._time(backend, inputs[length], streams, 1)
            calls[length] = max(1, min(_MOST_CALLS // streams, int(_ROUND_S / once_s)))
        times: dict[int, list[float]] = {length: [] for length in self.lengths}
        for length in self.lengths * _ROUNDS:
            times[length].append(self._time(backend, inputs[length], streams, calls[length]))
        speeds = []
        for length in self.lengths:
            together = calls[length] * streams
            per_second = round(together * batch_size / statistics.median(times[length]), 3)
            speeds.append(Speed(length, batch_size, streams, per_second, together * _ROUNDS))
        return speeds

    def _time(self, backend: Backend, inputs: Inputs, streams: int, calls: int) -> float:
        """Seconds that `streams` threads need for `calls` calls each."""

        def work() -> None:
            for _ in range(calls):
                backend.run(inputs)

        started_s = self.clock()
        with ThreadPoolExecutor(streams) as pool:
            working = [pool.submit(work) for _ in range(streams)]
        took_s = self.clock() - started_s
        for each in working:
            each.result()
        return max(took_s, 1e-9)
