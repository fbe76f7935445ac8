"""The number of threads of a call is measured and judged by the percentile of SingleStream."""

from __future__ import annotations

import pytest

from mlperf_home.engines.tflite.library import latencies_ns, percentile, thread_counts


class _Clock:
    """A clock that advances only during calls."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.calls = 0

    def __call__(self) -> int:
        return self.now_ns

    def call(self, *durations_ns: int) -> object:
        """Return a call that takes these times in turn."""

        def run() -> None:
            self.now_ns += durations_ns[self.calls % len(durations_ns)]
            self.calls += 1

        return run


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_powers_of_two_and_all_cores_are_compared(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


def test_the_90th_percentile_is_returned() -> None:
    assert percentile(list(range(1, 101))) == 90
    assert percentile([7]) == 7


def test_bimodal_calls_are_judged_by_their_slow_mode() -> None:
    clock = _Clock()
    measured_ns = latencies_ns({1: clock.call(2_000_000), 2: clock.call(1_000_000, 5_000_000)}, clock)

    assert measured_ns == {1: 2_000_000, 2: 5_000_000}


def test_a_slow_number_is_measured_in_one_round_only() -> None:
    clock = _Clock()
    slow_ns = 400_000_000
    measured_ns = latencies_ns({1: clock.call(1_000_000), 2: clock.call(slow_ns)}, clock)

    assert measured_ns[2] == slow_ns
    assert clock.now_ns < 4 * slow_ns
