"""Compare a measurement with its replay.

Each value gets an interval; `agreement` compares the two. Accuracies from the same arithmetic must be equal.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

from mlperf_home.challenges.replays.agreement import WIDEST, BoundedValue, agreement
from mlperf_home.contracts.challenges.reproduction import ComparedValue
from mlperf_home.contracts.intervals import interval_around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.contracts.challenges.reproduction import Agreement
    from mlperf_home.contracts.intervals import Interval
    from mlperf_home.measurements.measurement import Measurement

    Machines = tuple[Machine, Machine]

TOLERANCE = 0.05
"""Half width of a performance value's interval, on a logarithmic scale: values within about a tenth of each other
agree. The width is a choice."""
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
    old, new = (_estimate(name, measurement, same_arithmetic=same_arithmetic) for measurement in (then, now))
    if old is None or new is None:
        verdict: Agreement = "unknown"
        rule = "both values must be known"
    else:
        verdict, rule = agreement(old, new), _rule(name, (old, new), same_arithmetic=same_arithmetic)
    return ComparedValue(
        metric=name,
        then=old.value if old else None,
        now=new.value if new else None,
        then_interval=old.interval if old else None,
        now_interval=new.interval if new else None,
        verdict=verdict,
        rule=rule,
    )


def _estimate(name: str, measurement: Measurement, *, same_arithmetic: bool) -> BoundedValue | None:
    """Return a value with its interval; None if it is unknown."""
    value = _value(measurement, name)
    if value is None:
        return None
    if name in ACCURACIES:
        return BoundedValue(value, interval_around(value, 0.0 if same_arithmetic else ACCURACY_TOLERANCE_POINTS))
    low, high = interval_around(value, TOLERANCE * value)
    ratios = sampling_ratios(measurement, name)
    return BoundedValue(value, ratios and (min(low, ratios[0] * value), max(high, ratios[1] * value)))


def _rule(name: str, values: tuple[BoundedValue, BoundedValue], *, same_arithmetic: bool) -> str:
    if any(each.interval is None for each in values):
        return "too few queries to tell how far a percentile is off"
    wide = f"an interval wider than {WIDEST:.0%} of its value is too noisy"
    if name not in ACCURACIES:
        return f"intervals must overlap; {wide}"
    if same_arithmetic:
        return "must be equal: the arithmetic is the same"
    points = f"{ACCURACY_TOLERANCE_POINTS} points"
    return f"intervals of {points} must overlap: the arithmetic differs; {wide}"


def sampling_ratios(measurement: Measurement, name: str) -> Interval | None:
    """Return the 95 % interval of a latency's percentile as ratios to its value; (1, 1) for other values.

    The rank of a quantile q among n queries has the standard deviation sqrt(q (1 - q) / n): binomial, approximated as
    normal. The interval ends 1.96 deviations below and above, interpolated between LoadGen's percentiles. None: its
    upper rank lies beyond the last query, so nothing bounds the percentile.
    """
    tail, queries = _TAIL.get(measurement.scenario), _value(measurement, "query_count")
    if name != "latency_ms" or tail is None or not queries:
        return (1.0, 1.0)
    half = _QUANTILE_95 * sqrt(tail * (1 - tail) / queries)
    if tail + half > 1:
        return None
    known = [
        (quantile, value)
        for quantile in _PERCENTILES
        if (value := _value(measurement, f"latency_p{100 * quantile:.2f}_ms")) is not None
    ]
    low, middle, high = (_interpolated(known, tail + offset) for offset in (-half, 0.0, half))
    return (low / middle, high / middle) if low and middle and high else (1.0, 1.0)


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
    return float(value) if isinstance(value, int | float) else None
