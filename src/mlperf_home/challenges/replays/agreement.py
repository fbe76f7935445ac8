"""Whether two results agree: an interval around each value, and where the arithmetic is the same, equal accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.measurements.measurement import Measurement

TOLERANCE = 0.05
"""Of a performance value, on either side: two values agree when they are within about a tenth of each other. A choice,
not a law."""
ACCURACY_TOLERANCE_POINTS = 0.5
"""Of an accuracy in percent, on either side, where the arithmetic differs. A choice as well."""
ACCURACIES = ("f1_percent", "exact_match_percent", "top1_percent")
_QUANTILE_95 = 1.96
_TAIL = {"SingleStream": 0.90, "MultiStream": 0.99}
_PERCENTILES = (0.50, 0.90, 0.95, 0.97, 0.99, 0.999)


@dataclass(frozen=True)
class Comparison:
    """One value, then and now.

    Attributes:
        metric: its name.
        then, now: the values; None where unknown.
        then_interval, now_interval: (low, high) of either.
        agree: whether they do.
        rule: by which rule.
    """

    metric: str
    then: float | None
    now: float | None
    then_interval: tuple[float, float] | None
    now_interval: tuple[float, float] | None
    agree: bool
    rule: str


def compare(then: Measurement, now: Measurement, metrics: Sequence[str], *, same_arithmetic: bool) -> list[Comparison]:
    """Compare two measurements of the same thing; every accuracy that is there is compared, ranked by or not."""
    accuracies = [name for name in ACCURACIES if name in then.values or name in now.values]
    names = dict.fromkeys([*(name for name in metrics if name not in ACCURACIES), *accuracies])
    return [_compare_one(name, then, now, same_arithmetic=same_arithmetic) for name in names]


def _compare_one(name: str, then: Measurement, now: Measurement, *, same_arithmetic: bool) -> Comparison:
    old, new = _number(then, name), _number(now, name)
    if old is None or new is None:
        return Comparison(name, old, new, None, None, agree=False, rule="one of the two is not known")
    if name not in ACCURACIES:
        halves = [max(TOLERANCE, sampling_share(each, name)) for each in (then, now)]
        rule = f"intervals of {100 * halves[0]:.1f} % and {100 * halves[1]:.1f} % have to overlap"
        halves = [old * halves[0], new * halves[1]]
    elif same_arithmetic:
        halves, rule = [0.0, 0.0], "has to be equal: the arithmetic is the same"
    else:
        halves = [ACCURACY_TOLERANCE_POINTS] * 2
        rule = f"intervals of {ACCURACY_TOLERANCE_POINTS} points have to overlap: the arithmetic differs"
    first, second = ((value - half, value + half) for value, half in zip((old, new), halves, strict=True))
    agree = first[0] <= second[1] and second[0] <= first[1]
    return Comparison(name, old, new, first, second, agree=agree, rule=rule)


def sampling_share(measurement: Measurement, name: str) -> float:
    """Return the half width, as a share, of the 95 % interval of a latency's percentile; 0 for other values.

    The rank of a quantile q among n queries has the standard deviation sqrt(q (1 - q) / n) (a binomial's, normally
    approximated); the latencies at the ranks 1.96 of these below and above are read between LoadGen's percentiles.
    """
    tail, queries = _TAIL.get(measurement.scenario), _number(measurement, "query_count")
    if name != "latency_ms" or tail is None or not queries:
        return 0.0
    known = [
        (quantile, value)
        for quantile in _PERCENTILES
        if (value := _number(measurement, f"latency_p{100 * quantile:.2f}_ms")) is not None
    ]
    middle = _read_off(known, tail)
    if not middle:
        return 0.0
    half = _QUANTILE_95 * sqrt(tail * (1 - tail) / queries)
    ends = [_read_off(known, quantile) for quantile in (tail - half, tail + half)]
    return max((abs(end - middle) / middle for end in ends if end is not None), default=0.0)


def _read_off(known: Sequence[tuple[float, float]], quantile: float) -> float | None:
    """Read a latency between two percentiles, along a line; beyond the outermost, that one's."""
    if not known:
        return None
    if quantile <= known[0][0]:
        return known[0][1]
    for (low, first), (high, second) in pairwise(known):
        if quantile <= high:
            return first + (second - first) * (quantile - low) / (high - low)
    return known[-1][1]


def same_arithmetic(
    then: Measurement, now: Measurement, machines: tuple[Mapping[str, Any], Mapping[str, Any]], *, same_data: bool
) -> bool:
    """Whether two results came from the same arithmetic on the same data.

    That is the same engine and version with the same features of it, the same model file, the same data, and
    processors of one architecture with the same features.
    """
    engines = [{key: each.value for key, each in one.engine.items() if key in _ENGINE_FACTS} for one in (then, now)]
    models = [one.model["sha256"].value for one in (then, now)]
    features = [(one.get("architecture"), tuple(one.get("cpu_features") or ())) for one in machines]
    known = models[0] is not None and features[0][0] is not None
    return same_data and known and engines[0] == engines[1] and models[0] == models[1] and features[0] == features[1]


_ENGINE_FACTS = {"name", "version", "isa", "vnni", "bf16", "dotprod", "xnnpack", "delegate", "delegated"}


def _number(measurement: Measurement, name: str) -> float | None:
    found = measurement.values.get(name)
    value = found.value if found else None
    return float(value) if isinstance(value, int | float) else None
