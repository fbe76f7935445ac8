"""How many threads one call should have: measured, since more are often slower.

On small models the threads wait for each other longer than they compute. Without XNNPACK it is much worse: LiteRT 2.3.0
and tflite-runtime 2.14.0 take 6 to 20 ms for quantised models with two threads that take 0.1 to 0.4 ms with one.
Beside other programs, calls with several threads are bimodal: if one thread is not run, all wait for its time slice.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PERCENTILE = 0.9
# In turns, so that what disturbs the machine for a moment disturbs all.
_ROUNDS = 4
_ROUND_S = 0.1
_FEWEST_CALLS = 2
# What is slower by as much at the very first is not worth four rounds.
_HOPELESS = 8


def thread_counts(cores: int) -> tuple[int, ...]:
    """List what is worth trying: 1, 2, 4, ... and all cores."""
    powers = [1 << power for power in range(max(1, cores).bit_length())]
    return tuple(sorted({*(count for count in powers if count < cores), cores}))


def latencies_ns(
    calls: Mapping[int, Callable[[], object]], clock_ns: Callable[[], int] = time.perf_counter_ns
) -> dict[int, int]:
    """Measure each call, warmed up, in turns with the others.

    Args:
        calls: one inference by its number of threads.
        clock_ns: the clock.

    Returns:
        The 90th percentile of each in nanoseconds: the figure that SingleStream is judged by.
    """
    taken: dict[int, list[int]] = {threads: [] for threads in calls}
    left = dict(calls)
    for number in range(_ROUNDS):
        for threads, call in left.items():
            taken[threads] += _round(call, clock_ns)
        if not number:
            fastest = min(map(percentile, taken.values()))
            left = {each: call for each, call in calls.items() if percentile(taken[each]) <= _HOPELESS * fastest}
    return {threads: percentile(times) for threads, times in taken.items()}


def percentile(times_ns: list[int]) -> int:
    """Return the 90th percentile, by nearest rank."""
    return sorted(times_ns)[math.ceil(_PERCENTILE * len(times_ns)) - 1]


def _round(call: Callable[[], object], clock_ns: Callable[[], int]) -> list[int]:
    times: list[int] = []
    end_ns = clock_ns() + int(_ROUND_S * 1e9)
    while len(times) < _FEWEST_CALLS or clock_ns() < end_ns:
        start_ns = clock_ns()
        call()
        times.append(clock_ns() - start_ns)
    return times
