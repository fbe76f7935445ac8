"""Feed DeepSparse without LoadGen: naively, like the harness of 2023, and with our batches in a bare loop.

Every way prepares its inputs in advance and times only engine calls, which favours it over the measured harness.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.engine import fill
from mlperf_home.engines.onnx import deepsparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs

LONGEST = 384
BUCKETS_2023 = (192, LONGEST)


@dataclass(frozen=True)
class EngineCall:
    """A prepared call: the engine and its arrays."""

    engine: Any
    arrays: list[NDArray[Any]]

    def run(self) -> None:
        """Run the engine."""
        self.engine.run(self.arrays, val_inp=False)


def synchronous_engine(graphs: FixedShapeGraphs, batch: int, length: int) -> Any:
    """Compile a separate synchronous engine."""
    library = deepsparse.load()
    return library.Engine(str(graphs.path(batch, length)), batch)


def naive(graphs: FixedShapeGraphs, samples: Samples, indices: Sequence[int]) -> Callable[[], float]:
    """Prepare to infer one sample after another, padded to 384 tokens.

    Returns:
        A function that infers all samples and returns samples per second.
    """
    engine = synchronous_engine(graphs, 1, LONGEST)
    calls = [_call(engine, graphs, samples, [index], (1, LONGEST)) for index in indices]
    return lambda: len(indices) / one_after_another(calls)


def harness_2023(graphs: FixedShapeGraphs, samples: Samples, indices: Sequence[int], batch: int) -> Callable[[], float]:
    """Prepare to infer one synchronous batch after another, with an engine for each of two lengths.

    Returns:
        A function that infers all samples and returns samples per second.
    """
    lengths = _lengths(samples)
    calls: list[EngineCall] = []
    shortest = 0
    for bucket in BUCKETS_2023:
        engine = synchronous_engine(graphs, batch, bucket)
        members = [index for index in indices if shortest < lengths[index] <= bucket]
        parts = [members[start : start + batch] for start in range(0, len(members), batch)]
        calls += [_call(engine, graphs, samples, part, (batch, bucket)) for part in parts]
        shortest = bucket
    return lambda: len(indices) / one_after_another(calls)


def bare(calls: Sequence[EngineCall], streams: int, count: int) -> Callable[[], float]:
    """Prepare to run the calls in a loop of `streams` threads.

    Returns:
        A function that runs all calls and returns samples per second, for `count` samples in total.
    """

    def once() -> float:
        waiting = iter(calls)
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    call = next(waiting, None)
                if call is None:
                    return
                call.run()

        threads = [threading.Thread(target=work) for _ in range(streams)]
        started_s = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count / (time.perf_counter() - started_s)

    return once


def one_after_another(calls: Iterable[EngineCall]) -> float:
    """Run all calls and return the seconds."""
    started_s = time.perf_counter()
    for call in calls:
        call.run()
    return time.perf_counter() - started_s


def engine_of(backend: Any, batch: int, length: int) -> Any:
    """Return the compiled engine of an open DeepSparse backend, which the harness calls."""
    return backend._engines[batch, length]  # noqa: SLF001 - two compiles of one graph differ in speed


def ready_call(engine: Any, graphs: FixedShapeGraphs, inputs: tuple[NDArray[Any], ...], batch: int) -> EngineCall:
    """Arrange a batch's arrays for an engine of batch size `batch`."""
    return EngineCall(engine, [np.ascontiguousarray(fill(array, batch)) for array in graphs.signature.arrange(inputs)])


def _call(
    engine: Any, graphs: FixedShapeGraphs, samples: Samples, members: Sequence[int], shape: tuple[int, int]
) -> EngineCall:
    batch, length = shape
    return ready_call(engine, graphs, samples.batch(np.array(members, dtype=np.intp), length), batch)


def _lengths(samples: Samples) -> NDArray[np.int32]:
    if samples.lengths is None:
        raise SystemExit("the samples have no lengths; use a dataset of questions")
    return samples.lengths
