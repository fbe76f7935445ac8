"""Metrics worked out from others: per core, per watt, per dollar."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.measurements.store.expression import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.measurements.store.expression import Expression


def derived(
    measurements: Sequence[Measurement], wanted: Mapping[str, Expression], notes: list[str]
) -> list[Measurement]:
    """Add derived metrics; where one cannot be worked out it is unknown, with the reason.

    Args:
        measurements: what was measured.
        wanted: expressions by the new metric's name.
        notes: takes a sentence for each metric that some measurements do not have.

    Raises:
        ExperimentError: a new name is taken.
        ExpressionError: an expression has a value for no measurement because of how it is written.
    """
    found = list(measurements)
    for name, expression in wanted.items():
        known = [_known(each) for each in found]
        if any(name in each for each in known):
            raise ExperimentError(f"--derive: {name}", "is the name of something measured", "choose another name")
        problems: list[ExpressionError] = []
        values = [_worked_out(expression, each, problems) for each in known]
        if problems and len(problems) == len(values):
            raise problems[0]
        if problems:
            notes.append(f"{name}: {len(problems)} of {len(values)} have none; the first: {problems[0].problem}")
        found = [replace(each, values={**each.values, name: value}) for each, value in zip(found, values, strict=True)]
    return found


def _worked_out(expression: Expression, known: Mapping[str, Value], problems: list[ExpressionError]) -> Value:
    try:
        return expression.value(known)
    except ExpressionError as error:
        problems.append(error)
        return unknown(error.problem)


def whole_machine(measurement: Measurement) -> Value | None:
    """Return the cores of all sockets, where a result tells the cores of each, as MLPerf's tables do."""
    told = [measurement.system.get(name) for name in ("cores", "sockets")]
    counts = [each.value for each in told if each is not None and isinstance(each.value, (int, float))]
    if len(counts) != len(told):
        return None
    return Value(counts[0] * counts[1], "inferred", reason="cores of each socket, times sockets")


def _known(measurement: Measurement) -> dict[str, Value]:
    """Return what an expression may name; a dot in a name is written as "_" there.

    Cores are the machine's: those that the engine was given are `engine_cores`.
    """
    cores = whole_machine(measurement)
    system = {**measurement.system, **({"cores": cores} if cores else {})}
    engine = {f"engine_{name}": value for name, value in measurement.engine.items()}
    # An engine's own names stand where nothing else has them.
    named = {**measurement.engine, **engine, **system, **measurement.values}
    return {name.replace(".", "_"): value for name, value in named.items()}
