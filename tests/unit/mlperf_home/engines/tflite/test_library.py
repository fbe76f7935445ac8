"""The number of threads within a call is measured, and judged by the percentile that SingleStream is judged by."""

from __future__ import annotations

import pytest

from mlperf_home.engines.tflite.library import latencies_ns, percentile, thread_counts


class _Machine:
    """A clock that only calls move."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.calls = 0

    def __call__(self) -> int:
        return self.now_ns

    def call(self, *durations_ns: int) -> object:
        """Give a call that takes these times, over and over."""

        def run() -> None:
            self.now_ns += durations_ns[self.calls % len(durations_ns)]
            self.calls += 1

        return run


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_powers_of_two_and_all_cores_are_tried(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


def test_the_percentile_is_the_ninetieth() -> None:
    assert percentile(list(range(1, 101))) == 90
    assert percentile([7]) == 7


def test_bimodal_calls_count_by_their_slow_mode() -> None:
    machine = _Machine()
    found = latencies_ns({1: machine.call(2_000_000), 2: machine.call(1_000_000, 5_000_000)}, machine)

    assert found == {1: 2_000_000, 2: 5_000_000}


def test_a_hopeless_number_is_left_out_after_the_first_round() -> None:
    machine = _Machine()
    slow_ns = 400_000_000
    found = latencies_ns({1: machine.call(1_000_000), 2: machine.call(slow_ns)}, machine)

    assert found[2] == slow_ns
    assert machine.now_ns < 4 * slow_ns
