"""Compare a measurement with its replay.

Values agree if intervals around them overlap; accuracies from the same arithmetic must be equal.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.reproduction import ComparedValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.measurements.measurement import Measurement

    Machines = tuple[Machine, Machine]

TOLERANCE = 0.05
"""Half width of a performance value's interval, as a share: values within about a tenth of each other agree. The width
is a choice."""
ACCURACY_TOLERANCE_POINTS = 0.5
"""Half width of an accuracy's interval, in points, where the arithmetic differs. The width is a choice."""
ACCURACIES = ("f1_percent", "exact_match_percent", "top1_percent")
_QUANTILE_95 = 1.96
_TAIL = {"SingleStream": 0.90, "MultiStream": 0.99}
_PERCENTILES = (0.50, 0.90, 0.95, 0.97, 0.99, 0.999)
_ENGINE_FACTS = {"name", "version", "isa", "vnni", "bf16", "dotprod", "xnnpack", "delegate", "delegated", "files"}


def compare(
    then: Measurement, now: Measurement, metrics: Sequence[str], *, same_arithmetic: bool
) -> tuple[ComparedValue, ...]:
    """Compare two measurements by the metrics and by every accuracy that either of them has."""
    accuracies = [name for name in ACCURACIES if name in then.values or name in now.values]
    names = dict.fromkeys([*(name for name in metrics if name not in ACCURACIES), *accuracies])
    return tuple(_compared(name, then, now, same_arithmetic=same_arithmetic) for name in names)


def _compared(name: str, then: Measurement, now: Measurement, *, same_arithmetic: bool) -> ComparedValue:
    old, new = _value(then, name), _value(now, name)
    if old is None or new is None:
        rule = "both values must be known"
        return ComparedValue(
            metric=name, then=old, now=new, then_interval=None, now_interval=None, agree=False, rule=rule
        )
    if name not in ACCURACIES:
        shares = [max(TOLERANCE, sampling_share(measurement, name)) for measurement in (then, now)]
        halves = (old * shares[0], new * shares[1])
        rule = f"intervals of {100 * shares[0]:.1f} % and {100 * shares[1]:.1f} % must overlap"
    elif same_arithmetic:
        halves, rule = (0.0, 0.0), "must be equal: the arithmetic is the same"
    else:
        halves = (ACCURACY_TOLERANCE_POINTS, ACCURACY_TOLERANCE_POINTS)
        rule = f"intervals of {ACCURACY_TOLERANCE_POINTS} points must overlap: the arithmetic differs"
    first, second = (old - halves[0], old + halves[0]), (new - halves[1], new + halves[1])
    agree = first[0] <= second[1] and second[0] <= first[1]
    return ComparedValue(
        metric=name, then=old, now=new, then_interval=first, now_interval=second, agree=agree, rule=rule
    )


def sampling_share(measurement: Measurement, name: str) -> float:
    """Return the half width of the 95 % interval of a latency's percentile, as a share; 0 for other values.

    The rank of a quantile q among n queries has the standard deviation sqrt(q (1 - q) / n): binomial, approximated as
    normal. The interval ends 1.96 deviations below and above, interpolated between LoadGen's percentiles.
    """
    tail, queries = _TAIL.get(measurement.scenario), _value(measurement, "query_count")
    if name != "latency_ms" or tail is None or not queries:
        return 0.0
    known = [
        (quantile, value)
        for quantile in _PERCENTILES
        if (value := _value(measurement, f"latency_p{100 * quantile:.2f}_ms")) is not None
    ]
    middle = _interpolated(known, tail)
    if not middle:
        return 0.0
    half = _QUANTILE_95 * sqrt(tail * (1 - tail) / queries)
    ends = [_interpolated(known, quantile) for quantile in (tail - half, tail + half)]
    return max((abs(end - middle) / middle for end in ends if end is not None), default=0.0)


def _interpolated(known: Sequence[tuple[float, float]], quantile: float) -> float | None:
    """Return the latency at a quantile, interpolated linearly; beyond the known quantiles, the nearest latency."""
    if not known:
        return None
    if quantile <= known[0][0]:
        return known[0][1]
    for (low, first), (high, second) in pairwise(known):
        if quantile <= high:
            return first + (second - first) * (quantile - low) / (high - low)
    return known[-1][1]


def same_arithmetic(then: Measurement, now: Measurement, machines: Machines, *, same_data: bool) -> bool:
    """Whether two results have the same engine (version, features), model files, data, and processor.

    Processors are compared by architecture and features.
    """
    engines = [{key: fact.value for key, fact in run.engine.items() if key in _ENGINE_FACTS} for run in (then, now)]
    models = [{key: run.model[key].value for key in ("sha256", "files") if key in run.model} for run in (then, now)]
    features = [(machine.architecture, machine.cpu_features) for machine in machines]
    known = models[0]["sha256"] is not None and features[0][0] is not None
    return same_data and known and engines[0] == engines[1] and models[0] == models[1] and features[0] == features[1]


def _value(measurement: Measurement, name: str) -> float | None:
    stored = measurement.values.get(name)
    value = stored.value if stored else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
