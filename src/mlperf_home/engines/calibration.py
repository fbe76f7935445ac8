"""Calibration: a short measurement that chooses batch sizes and streams for fixed sequence lengths on this machine.

Inputs are synthetic and all lengths count equally, because MLPerf's rules forbid statistics of the dataset.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.runs.grids import Calibration, Candidates, Grid, Speed
from mlperf_home.engines.base import LENGTHS, BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Backend, EngineSetup

BUDGET_S = 20.0
"""The time in seconds after which no further candidate is measured; the first one is always measured."""

_ROUNDS = 5
_ROUND_S = 0.1
_MOST_CALLS = 64  # in one round of one length, all streams together
_SMALLER_BATCH = 1.03  # a larger batch must be faster by more than this factor
# Fewer streams must be faster by more than this factor. With several streams, one prepares its next batch while another
# infers, and a busy neighbour delays one stream instead of all cores.
_MORE_STREAMS = 1.10
_VOCABULARY = 100  # every vocabulary has the token ids below this


def default_candidates(cores: int, lengths: tuple[int, ...] = LENGTHS) -> Candidates:
    """Return the candidates for a machine with `cores` cores."""
    streams = sorted({1, min(2, cores), max(1, cores // 2), cores})
    return Candidates(lengths=lengths, streams=tuple(streams))


def calibrate(
    make_backend: Callable[[], Backend],
    setup: EngineSetup,
    candidates: Candidates,
    *,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
) -> Calibration:
    """Compare the numbers of streams with a medium batch size, then the batch sizes with the best number of streams.

    Only the shortest, the middle and the longest length are measured.

    Args:
        make_backend: returns a new backend for each candidate.
        setup: the model and its options; its grid is not used.
        candidates: the candidates.
        budget_s: the time in seconds after which no further candidate is measured.
        clock: returns the time in seconds.

    Raises:
        BackendError: the backend refuses the first candidate.
    """
    lengths = candidates.lengths
    probes = tuple(sorted({lengths[0], lengths[len(lengths) // 2], lengths[-1]}))
    bench = _Bench(make_backend, setup, probes, clock)
    started_s = clock()
    medium = sorted(candidates.batch_sizes)[len(candidates.batch_sizes) // 2]
    # The most likely choice comes first, because there may be time for one candidate only.
    for streams in sorted(candidates.streams, reverse=True):
        bench.measure(medium, streams, skip=clock() - started_s > budget_s)
    streams = bench.best_streams(medium)
    for batch_size in sorted(set(candidates.batch_sizes) - {medium}):
        bench.measure(batch_size, streams, skip=clock() - started_s > budget_s)
    batch_sizes = tuple(bench.best_batch(length, streams) for length in candidates.lengths)
    grid = Grid(candidates.lengths, batch_sizes, streams)
    return Calibration(grid, tuple(bench.measured), tuple(bench.skipped), round(clock() - started_s, 3))


def synthetic_inputs(batch: int, length: int, seed: int = 0) -> Inputs:
    """Return a batch of random tokens without padding, (batch, length) int64, determined by the seed."""
    ids = np.random.default_rng(seed).integers(1, _VOCABULARY, size=(batch, length), dtype=np.int64)
    return ids, np.ones_like(ids), np.zeros_like(ids)


@dataclass
class _Bench:
    """Measures candidates, each with a new backend, and keeps their speeds."""

    make_backend: Callable[[], Backend]
    setup: EngineSetup
    lengths: tuple[int, ...]
    clock: Callable[[], float]
    measured: list[Speed] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def measure(self, batch_size: int, streams: int, *, skip: bool) -> None:
        """Measure a candidate at every probed length, or record the reason for skipping it."""
        name = f"batch {batch_size}, {streams} streams"
        if skip and self.measured:
            self.skipped.append(f"{name}: no time left")
            return
        grid = Grid(self.lengths, (batch_size,) * len(self.lengths), streams)
        backend = self.make_backend()
        try:
            backend.open(replace(self.setup, grid=grid))
            self.measured += self._speeds(backend, batch_size, streams)
        except BackendError as error:
            # Other candidates may fit into memory.
            if not self.measured:
                raise
            self.skipped.append(f"{name}: {error}")
        finally:
            backend.close()

    def best_streams(self, batch_size: int) -> int:
        """Return the largest number of streams that is about as fast as the best, for one sample of each length."""
        seconds: defaultdict[int, float] = defaultdict(float)
        for speed in self.measured:
            if speed.batch_size == batch_size:
                seconds[speed.streams] += 1 / speed.samples_per_second
        least_s = min(seconds.values())
        return max(streams for streams, total_s in seconds.items() if total_s <= least_s * _MORE_STREAMS)

    def best_batch(self, length: int, streams: int) -> int:
        """Return the smallest batch size that is about as fast as the best, at the nearest probed length."""
        nearest = min(self.lengths, key=lambda probe: abs(probe - length))
        speeds = {
            speed.batch_size: speed.samples_per_second
            for speed in self.measured
            if speed.length == nearest and speed.streams == streams
        }
        best = max(speeds.values())
        return min(size for size, speed in speeds.items() if speed * _SMALLER_BATCH >= best)

    def _speeds(self, backend: Backend, batch_size: int, streams: int) -> list[Speed]:
        """Time calls of every length, from one thread for each stream.

        The lengths alternate, so that a busy moment of the machine affects all of them.
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
            round_calls = calls[length] * streams
            per_second = round(round_calls * batch_size / statistics.median(times[length]), 3)
            speeds.append(Speed(length, batch_size, streams, per_second, round_calls * _ROUNDS))
        return speeds

    def _time(self, backend: Backend, inputs: Inputs, streams: int, calls: int) -> float:
        """Return the seconds that `streams` threads need for `calls` calls each."""

        def run_calls() -> None:
            for _ in range(calls):
                backend.run(inputs)

        started_s = self.clock()
        with ThreadPoolExecutor(streams) as pool:
            futures = [pool.submit(run_calls) for _ in range(streams)]
        took_s = self.clock() - started_s
        for future in futures:
            future.result()
        return max(took_s, 1e-9)
