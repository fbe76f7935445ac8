"""The machine of a real calibration: open engines, and timed slices of their calls."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.calibration.shapes import NO_LENGTH
from mlperf_home.engines.memory import available_bytes, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Backend, EngineDescription, EngineSetup
    from mlperf_home.engines.calibration.quiet import QuietWatch
    from mlperf_home.engines.calibration.shapes import Contender, Contest

SLICE_S = 0.3
_MOST_CALLS = 2000  # of one stream in a slice
_PERCENTILE = 0.9
# Room for the engines of the run itself, which is opened after the calibration, and for the growth of an open engine.
_SPARE_ENGINES = 2
_VOCABULARY = 100  # every vocabulary has the token ids below this
_LEAST_S = 1e-9  # a clock may stand still or go back


@dataclass
class _Opened:
    backend: Backend
    inputs: list[Inputs]
    # The seconds of a call at each length, as far as they are known; they set the number of calls of a slice.
    call_s: dict[int, float] = field(default_factory=dict)


@dataclass
class EngineBench:
    """A `Bench` of real engines; `watch` repeats disturbed slices.

    Attributes:
        descriptions: the descriptions of the engines that were opened, by contender.
    """

    make_backend: Callable[[], Backend]
    setup: EngineSetup
    contest: Contest
    watch: QuietWatch
    clock: Callable[[], float] = time.monotonic
    resident: Callable[[], int | None] = resident_bytes
    available: Callable[[], int | None] = available_bytes
    descriptions: dict[int, EngineDescription] = field(default_factory=dict)
    _open: dict[int, _Opened] = field(default_factory=dict)
    _largest_bytes: int = 0

    @property
    def quiet(self) -> bool:
        """Whether all slices so far were undisturbed."""
        return self.watch.quiet

    def open(self, contender: int) -> None:
        """Open a contender's engine, and note how much memory it takes. Raise BackendError if it is refused."""
        shape, backend, before = self.contest.contenders[contender], self.make_backend(), self.resident()
        description = backend.open(contender_setup(self.setup, shape, self.contest.probes))
        self.descriptions[contender] = description
        self._open[contender] = _Opened(
            backend, [_inputs(shape, each, description.details) for each in self.contest.probes]
        )
        after = self.resident()
        if before is not None and after is not None:
            self._largest_bytes = max(self._largest_bytes, after - before)

    def backend(self, contender: int) -> Backend:
        """Return a contender's open engine."""
        return self._open[contender].backend

    def close(self, contender: int) -> None:
        """Close a contender's engine."""
        self._open.pop(contender).backend.close()

    def has_room(self) -> bool:
        """Whether another engine fits into memory beside the open ones and the run's own; true if it is unknown."""
        free = self.available()
        return free is None or free >= (1 + _SPARE_ENGINES) * self._largest_bytes

    def slice(self, contender: int, length: int) -> tuple[float, int]:
        """Return the seconds per sample of a slice, and its number of calls."""
        return self.watch.measure(lambda: self._slice(contender, length))

    def _slice(self, contender: int, length: int) -> tuple[float, int]:
        opened, shape = self._open[contender], self.contest.contenders[contender]
        inputs = opened.inputs[length]
        # Another engine ran before, and has emptied the caches.
        once_s = self._timed(lambda: opened.backend.run(inputs))
        calls = max(1, min(_MOST_CALLS, math.ceil(SLICE_S / opened.call_s.get(length, once_s))))
        if self.contest.tail:
            times = sorted(self._timed(lambda: opened.backend.run(inputs)) for _ in range(calls))
            seconds = times[math.ceil(_PERCENTILE * len(times)) - 1]
            # Not the mean: after a slice with interruptions, the next would have too few calls for a percentile.
            opened.call_s[length] = times[len(times) // 2]
        else:
            took_s = self._streams(opened.backend, inputs, shape.streams, calls)
            seconds = took_s / (calls * shape.streams * shape.batch_size)
            opened.call_s[length] = took_s / calls
        return max(seconds, _LEAST_S), calls * shape.streams

    def _timed(self, run: Callable[[], object]) -> float:
        started_s = self.clock()
        run()
        return max(self.clock() - started_s, _LEAST_S)

    def _streams(self, backend: Backend, inputs: Inputs, streams: int, calls: int) -> float:
        """Return the seconds that `streams` threads need for `calls` calls each."""

        def run_calls() -> None:
            for _ in range(calls):
                backend.run(inputs)

        if streams == 1:
            return self._timed(run_calls)
        with ThreadPoolExecutor(streams) as pool:
            started_s = self.clock()
            futures = [pool.submit(run_calls) for _ in range(streams)]
            for future in futures:
                future.result()
            return max(self.clock() - started_s, _LEAST_S)


def contender_setup(setup: EngineSetup, shape: Contender, lengths: tuple[int, ...]) -> EngineSetup:
    """Return the setup of a contender's engine."""
    lengths = () if lengths == (NO_LENGTH,) else lengths
    options = setup.options if shape.threads is None else {**setup.options, "threads": shape.threads}
    grid = Grid(lengths, (shape.batch_size,) * max(1, len(lengths)), shape.streams)
    return replace(setup, grid=grid, options=options)


def synthetic_inputs(batch: int, length: int, seed: int = 0) -> Inputs:
    """Return a batch of random tokens without padding, (batch, length) int64, determined by the seed."""
    ids = np.random.default_rng(seed).integers(1, _VOCABULARY, size=(batch, length), dtype=np.int64)
    return ids, np.ones_like(ids), np.zeros_like(ids)


def _inputs(shape: Contender, length: int, details: Mapping[str, Any]) -> Inputs:
    if length != NO_LENGTH:
        return synthetic_inputs(shape.batch_size, length)
    image = details["input"]
    return (np.zeros((shape.batch_size, *image["shape"][1:]), dtype=image["dtype"]),)
