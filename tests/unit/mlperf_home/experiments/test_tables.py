"""Derived metrics: unknown if a value is not a number, an error if the expression has no value at all."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mlperf_home.experiments.arguments import read_derivations
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.tables import add_derived
from mlperf_home.measurements.expression import ExpressionError
from mlperf_home.measurements.measurement import Measurement, Value, unknown


def measured(cores: float | str | None, **values: float) -> Measurement:
    metrics = {name: Value(value, "measured", "log") for name, value in values.items()}
    per_socket = unknown("not published") if cores is None else Value(cores, "copied", "table")
    system = {"cores": per_socket, "sockets": Value(2, "copied", "table")}
    return Measurement("v3.1", "resnet", "Offline", False, "", "VALID", (), (), {}, {}, system, metrics, {}, ())


def derive(text: str, *measurements: Measurement) -> tuple[list[Value], list[str]]:
    notes: list[str] = []
    derived = add_derived(measurements, read_derivations(text), notes)
    return [each.values["new"] for each in derived], notes


def test_a_derived_metric_is_unknown_only_without_its_values() -> None:
    values, notes = derive("new = rate / cores", measured(4, rate=80.0), measured("4 big", rate=80.0))

    assert [each.value for each in values] == [10.0, None]
    assert notes == ["new: 1 of 2 have no value; the first: cores is the text '4 big'"]


def test_an_unknown_value_stays_unknown_without_a_note() -> None:
    values, notes = derive("new = rate / cores", measured(None, rate=80.0))

    assert (values[0].value, notes) == (None, [])


def test_a_metric_may_use_percentiles_and_earlier_metrics() -> None:
    values, _ = derive("half = latency_p99_90_ms / 2; new = half / 5", measured(4, **{"latency_p99.90_ms": 100.0}))

    assert values[0].value == 10.0


def test_cores_are_those_of_the_system() -> None:
    engine = {"cores": Value(1, "copied", "session"), "streams": Value(2, "copied", "session")}

    values, _ = derive("new = cores + 100 * engine_cores + 1000 * streams", replace(measured(4), engine=engine))

    assert values[0].value == 2108


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("new = rate / nothing", "no value is called nothing"),
        ("new = rate / (cores - cores)", "divides by cores - cores, which is 0"),
        ("new = rate + open('x')", re.escape("character 8: calls a function")),
        ("new = rate + 'é' + open('x')", re.escape("character 8: \"'é'\" is not allowed")),
    ],
)
def test_an_expression_without_any_value_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        derive(text, measured(4, rate=80.0))


def test_a_measured_metric_cannot_be_replaced() -> None:
    with pytest.raises(ExperimentError, match="--derive: rate: is the name of a measured metric"):
        add_derived([measured(4, rate=80.0)], read_derivations("rate = rate * 2"), [])
