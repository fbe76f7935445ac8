"""The 90th percentile of latencies, SingleStream's metric."""

from __future__ import annotations

from mlperf_home.engines.tflite.library import percentile


def test_the_90th_percentile_is_returned() -> None:
    assert percentile(list(range(1, 101))) == 90
    assert percentile([7]) == 7
