"""Derived metrics: unknown where one value is no number, an error where the expression can never have one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mlperf_home.experiments.arguments import read_derivations
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.tables import derived
from mlperf_home.measurements.expression import ExpressionError
from mlperf_home.measurements.measurement import Measurement, Value, unknown


def measured(cores: float | str | None, **values: float) -> Measurement:
    told = {name: Value(value, "measured", "log") for name, value in values.items()}
    of_one = unknown("not told") if cores is None else Value(cores, "copied", "table")
    system = {"cores": of_one, "sockets": Value(2, "copied", "table")}
    return Measurement("v3.1", "resnet", "Offline", False, "", "VALID", (), (), {}, {}, system, told, {}, ())


def worked_out(text: str, *measurements: Measurement) -> tuple[list[Value], list[str]]:
    notes: list[str] = []
    found = derived(measurements, read_derivations(text), notes)
    return [each.values["new"] for each in found], notes


def test_a_machine_without_the_number_has_none_and_the_others_have() -> None:
    values, notes = worked_out("new = rate / cores", measured(4, rate=80.0), measured("4 big", rate=80.0))

    assert [each.value for each in values] == [10.0, None]
    assert notes == ["new: 1 of 2 have none; the first: cores is the text '4 big'"]


def test_what_is_unknown_stays_unknown_without_a_word() -> None:
    values, notes = worked_out("new = rate / cores", measured(None, rate=80.0))

    assert (values[0].value, notes) == (None, [])


def test_a_metric_may_use_one_before_it_and_percentiles_with_an_underscore() -> None:
    values, _ = worked_out("half = latency_p99_90_ms / 2; new = half / 5", measured(4, **{"latency_p99.90_ms": 100.0}))

    assert values[0].value == 10.0


def test_cores_are_the_machines_and_not_those_that_the_engine_was_given() -> None:
    used = {"cores": Value(1, "copied", "session"), "streams": Value(2, "copied", "session")}

    values, _ = worked_out("new = cores + 100 * engine_cores + 1000 * streams", replace(measured(4), engine=used))

    assert values[0].value == 2108


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("new = rate / nothing", "no value is called nothing"),
        ("new = rate / (cores - cores)", "divides by cores - cores, which is 0"),
        ("new = rate + open('x')", re.escape("character 8: calls a function")),
        ("new = rate + 'é' + open('x')", re.escape("character 8: \"'é'\" is not allowed")),
    ],
)
def test_what_has_a_value_for_none_is_an_error(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        worked_out(text, measured(4, rate=80.0))


def test_what_was_measured_cannot_be_replaced() -> None:
    with pytest.raises(ExperimentError, match="--derive: rate: is the name of something measured"):
        derived([measured(4, rate=80.0)], read_derivations("rate = rate * 2"), [])
