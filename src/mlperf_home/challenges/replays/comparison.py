"""Compare a measurement with its replays.

Speeds are equivalent or not by `measurements.equivalence`. Accuracies from the same arithmetic must be equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.reproduction import ComparedValue
from mlperf_home.measurements.equivalence import RepeatedValue, compare, equal_accuracies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.measurements.equivalence import ComparedRuns
    from mlperf_home.measurements.measurement import Measurement

    Machines = tuple[Machine, Machine]

ACCURACY_TOLERANCE_POINTS = 0.5
"""The greatest difference of accuracies, in points, where the arithmetic differs. It is a choice."""
ACCURACIES = ("f1_percent", "exact_match_percent", "top1_percent")
_ENGINE_FACTS = {"name", "version", "isa", "vnni", "bf16", "dotprod", "xnnpack", "delegate", "delegated", "files"}


@dataclass(frozen=True)
class Replayed:
    """A measurement with its replays.

    Attributes:
        same_arithmetic: whether accuracies must be equal.
    """

    then: Measurement
    now: Sequence[Measurement]
    same_arithmetic: bool


def compare_all(
    results: Sequence[Replayed], metrics: Sequence[Sequence[str]], margin: float
) -> list[list[ComparedValue]]:
    """Compare results by their metrics and by every accuracy; all speeds together share in the risk.

    Args:
        results: the results.
        metrics: the names of each result's metrics.
        margin: the greatest difference of a speed that counts as the same, as a share.
    """
    names = [_metrics_of(*pair) for pair in zip(results, metrics, strict=True)]
    speeds = {
        (place, name): speed
        for place, result in enumerate(results)
        for name in names[place]
        if name not in ACCURACIES and (speed := _speed(result, name)) is not None
    }
    compared = dict(zip(speeds, compare(list(speeds.values()), margin), strict=True))
    return [
        [
            _accuracy(result, name)
            if name in ACCURACIES
            else _compared(result, name, compared.get((place, name)), margin)
            for name in names[place]
        ]
        for place, result in enumerate(results)
    ]


def _metrics_of(result: Replayed, metrics: Sequence[str]) -> list[str]:
    every = (result.then, *result.now)
    accuracies = [name for name in ACCURACIES if any(name in each.values for each in every)]
    return list(dict.fromkeys([*(name for name in metrics if name not in ACCURACIES), *accuracies]))


def _speed(result: Replayed, name: str) -> RepeatedValue | None:
    """Return a value of all runs; None if a run does not know it."""
    then, now = _value(result.then, name), [_value(each, name) for each in result.now]
    known = tuple(each for each in now if each is not None and each > 0)
    if then is None or then <= 0 or not known or len(known) < len(now):
        return None
    return RepeatedValue((then,), known)


def _accuracy(result: Replayed, name: str) -> ComparedValue:
    then, now = _value(result.then, name), [_value(each, name) for each in result.now]
    known = tuple(each for each in now if each is not None)
    if then is None or not known or len(known) < len(now):
        return _unknown(name, then, known)
    tolerance = 0.0 if result.same_arithmetic else ACCURACY_TOLERANCE_POINTS
    rule = "must be equal: the arithmetic is the same"
    if tolerance:
        rule = f"must lie within {tolerance:g} points: the arithmetic differs"
    return ComparedValue(
        metric=name, then=then, now=known, ratio_interval=None, runs=None, rule=rule,
        verdict=equal_accuracies((then,), known, tolerance),
    )  # fmt: skip


def _compared(result: Replayed, name: str, found: ComparedRuns | None, margin: float) -> ComparedValue:
    then, now = _value(result.then, name), [_value(each, name) for each in result.now]
    known = tuple(each for each in now if each is not None)
    if found is None:
        return _unknown(name, then, known)
    rule = f"the ratio's interval must lie within {margin:.0%}"
    if found.interval is None:
        rule += "; one run cannot tell noise from a difference"
    elif found.verdict == "inconclusive" and found.runs is None:
        rule += "; more runs would not tell, for the bundle has one run"
    return ComparedValue(
        metric=name, then=then, now=known, ratio_interval=found.interval, runs=found.runs, rule=rule,
        verdict=found.verdict,
    )  # fmt: skip


def _unknown(name: str, then: float | None, now: tuple[float, ...]) -> ComparedValue:
    rule = "all runs must know the value"
    return ComparedValue(
        metric=name, then=then, now=now, ratio_interval=None, runs=None, rule=rule, verdict="inconclusive"
    )


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
