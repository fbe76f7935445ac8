"""Intervals of a run's mean, percentiles and rate by a block bootstrap: they hold for this session alone.

Neighbouring blocks of time are alike, so that whole stretches of them are drawn (Künsch, Annals of Statistics 17,
1989), around a circle (Politis and Romano, in: Exploring the Limits of Bootstrap, 1992). The length of a stretch
follows from the autocorrelation (Politis and White, Econometric Reviews 23, 2004; Patton and both, 28, 2009).
The variance over all possible draws has a closed form, so that no draw is made and equal runs have equal intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from mlperf_home.latencies.buckets import bucket_of
from mlperf_home.latencies.student import student_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.latencies.series import LatencySeries

CONFIDENCE = 0.95
FEWEST_BLOCKS = 16
"""With fewer blocks there is no interval."""

_FEWEST_LAGS = 5
_SIGNIFICANT = 2.0


@dataclass(frozen=True)
class RelativeInterval:
    """The bounds of an interval as multiples of the value; `stretch_s` is the length of the stretches drawn."""

    low: float
    high: float
    stretch_s: float


def mean_interval(series: LatencySeries) -> RelativeInterval | None:
    """Return the interval of the mean latency; None if the run has too few blocks."""
    mean = series.mean_ns
    return _ratio_interval(series, [each.sum_ns - mean * each.count for each in series.blocks], mean * series.count)


def rate_interval(series: LatencySeries) -> RelativeInterval | None:
    """Return the interval of the rate; None if the run has too few blocks, or if it changes with the samples."""
    if series.kind == "sorted completions":
        return None
    rate = series.count / series.duration_s
    counts = zip(series.blocks, series.lengths_s(), strict=True)
    return _ratio_interval(series, [block.count - rate * length_s for block, length_s in counts], float(series.count))


def percentile_interval(series: LatencySeries, share: float) -> RelativeInterval | None:
    """Return the interval of a percentile, 0.9 for the 90th; None if the run has too few blocks.

    The interval of the share of latencies below the percentile is turned into latencies (Woodruff, Journal of the
    American Statistical Association 47, 1952).
    """
    value = series.histogram.quantile_ns(share)
    # The share is taken at the end of a bucket, the only place where it is known.
    bucket = bucket_of(max(0, math.ceil(value) - 1))
    below = series.histogram.share_up_to(bucket)
    parts = [
        sum(count for each, count in block.histogram.items() if each <= bucket) - below * block.count
        for block in series.blocks
    ]
    spread = _spread(parts)
    if spread is None or value <= 0:
        return None
    reach, stretch = spread[0] / series.count, spread[1]
    low, high = (series.histogram.quantile_ns(share + sign * reach) / value for sign in (-1, 1))
    return RelativeInterval(min(low, 1.0), max(high, 1.0), stretch * series.block_s)


def _ratio_interval(series: LatencySeries, parts: Sequence[float], total: float) -> RelativeInterval | None:
    spread = _spread(parts)
    if spread is None or total <= 0:
        return None
    # Equal sides on a logarithmic scale: the low end is positive however far the interval reaches.
    factor = math.exp(min(spread[0] / total, 500.0))
    return RelativeInterval(1 / factor, factor, spread[1] * series.block_s)


def _spread(parts: Sequence[float]) -> tuple[float, int] | None:
    """Return how far the sum of the parts of all blocks may be off, and the stretches' length in blocks."""
    number = len(parts)
    if number < FEWEST_BLOCKS:
        return None
    stretch = stretch_length(parts)
    sums = [0.0, *accumulate((*parts, *parts[:stretch]))]
    squares = math.fsum((sums[start + stretch] - sums[start]) ** 2 for start in range(number))
    # Each of number / stretch stretches is drawn with this variance; few stretches underestimate it.
    variance = squares / number * (number / stretch) * number / (number - stretch)
    degrees = max(1, round(number / stretch) - 1)
    return _quantile(degrees) * math.sqrt(variance), stretch


@lru_cache(maxsize=1024)
def _quantile(degrees: int) -> float:
    return student_quantile((1 - CONFIDENCE) / 2, degrees)


def stretch_length(parts: Sequence[float]) -> int:
    """Return the length of stretches in blocks, from 1 to a quarter of all, by Politis and White's rule."""
    number = len(parts)
    mean = math.fsum(parts) / number
    apart = [each - mean for each in parts]
    most = max(1, number // 4)
    tested = max(_FEWEST_LAGS, math.ceil(math.sqrt(math.log10(number))))
    covariances = [_covariance(apart, lag) for lag in range(min(number - 1, 2 * most + tested) + 1)]
    if not covariances[0]:
        return 1
    bound = _SIGNIFICANT * math.sqrt(math.log10(number) / number) * covariances[0]
    last = next(
        (lag for lag in range(most + 1) if all(abs(each) < bound for each in covariances[lag + 1 : lag + 1 + tested])),
        most,
    )
    window = min(2 * max(1, last), len(covariances) - 1)
    weighted = [min(1.0, 2 * (1 - lag / window)) * covariances[lag] for lag in range(window + 1)]
    slope = 2 * math.fsum(lag * each for lag, each in enumerate(weighted))
    density = covariances[0] + 2 * math.fsum(weighted[1:])
    if density <= 0:
        return 1
    length = math.pow(number * 2 * slope**2 / (4 / 3 * density**2), 1 / 3)
    return max(1, min(most, math.ceil(length)))


def _covariance(apart: Sequence[float], lag: int) -> float:
    return math.fsum(a * b for a, b in zip(apart, apart[lag:], strict=False)) / len(apart)
