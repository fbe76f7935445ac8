"""The rows of a measurement show the result, the state of the machine, and the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from results_logs import load_session, save_session, write_result

from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import (
    Measurement,
    Value,
    from_json,
    to_json,
    unknown,
)
from mlperf_home.measurements.prices import price_option
from mlperf_home.measurements.table import summary_rows

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(measurement: Measurement) -> dict[str, str]:
    return dict(summary_rows(measurement))


def test_the_rows_show_the_result(tmp_path: Path) -> None:
    system = {"host_processor_model_name": Value("A processor", "measured")}
    rows = rows_of(ingest(write_result(tmp_path), system, "obert-large"))
    assert rows["CPU"] == "A processor"
    assert rows["Engine"] == "deepsparse 1.8.0"
    assert rows["Model"] == "obert-large"
    assert rows["Samples per second"] == "40.5"
    assert rows["F1 (%)"] == "90.18"
    assert rows["LoadGen says"] == "VALID"
    assert rows["Warning"] == "no VNNI"


def test_the_rows_explain_an_invalid_run(tmp_path: Path) -> None:
    changes = {"result_validity": "INVALID", "result_min_duration_met": False}
    rows = rows_of(ingest(write_result(tmp_path, **changes)))
    assert rows["LoadGen says"] == "INVALID"
    assert "raise target_qps" in rows["because"]
    assert "unknown" not in rows["F1 (%)"]


STATE: dict[str, Any] = {
    "steal_percent": {"value": 0.2, "reason": None},
    "other_cpu_percent": {"value": 12.0, "reason": None},
    "frequency_mhz_before": {"value": 3000.0, "reason": None},
    "frequency_mhz_after": {"value": 2900.0, "reason": None},
    "temperature_c_before": {"value": 50.5, "reason": None},
    "temperature_c_after": {"value": 61.0, "reason": None},
    "governor": {"value": None, "reason": "there is no cpufreq here"},
    "load_average_1min_before": {"value": 0.25, "reason": None},
    "energy_j": {"value": 49152.0, "reason": None},
}


NOISE = {"noisy_because": ["other programs used 12.0 %"], "disturbance": 2.4, "reason": None}


def with_state(root: Path, **changes: Any) -> Path:
    session = load_session(root, "performance") | {"state": STATE, "noise": NOISE}
    save_session(root, "performance", session | changes)
    return root


def test_a_measurement_has_the_state_of_the_machine(tmp_path: Path) -> None:
    measurement = ingest(with_state(write_result(tmp_path)))
    values = measurement.values
    assert values["other_cpu_percent"] == Value(12.0, "measured", "session: state.other_cpu_percent")
    assert values["governor"] == unknown("there is no cpufreq here")
    assert (values["energy_per_sample_j"].value, values["energy_per_sample_j"].origin) == (2.0, "inferred")
    assert "24576 completed samples" in str(values["energy_per_sample_j"].reason)
    assert values["noisy"].value == "yes"
    assert values["noisy_because"].value == "other programs used 12.0 %"
    assert measurement.warnings == ("noisy: other programs used 12.0 %", "no VNNI")
    rows = rows_of(measurement)
    assert rows["Noisy"] == "other programs used 12.0 %"
    assert rows["Warning"] == "no VNNI"
    assert rows["During the run"] == "steal 0.2 %, other programs 12 %, clock 3000 to 2900 MHz, 50.5 to 61 C"
    assert rows["Energy per sample (J)"] == "2"
    assert from_json(to_json(measurement)) == measurement


def test_unknown_energy_has_a_reason(tmp_path: Path) -> None:
    state = {**STATE, "energy_j": {"value": None, "reason": "this machine has no RAPL counters"}}
    measurement = ingest(with_state(write_result(tmp_path), state=state))
    for name in ("energy_j", "energy_per_sample_j"):
        assert measurement.values[name] == unknown("this machine has no RAPL counters")
    assert "Energy per sample (J)" not in rows_of(measurement)


@pytest.mark.parametrize(
    ("noise", "noisy"),
    [
        ({"noisy_because": [], "disturbance": 0.4, "reason": None}, Value("no", "measured", "session: noise")),
        ({"noisy_because": [], "disturbance": 0.0, "reason": "too short"}, unknown("too short")),
    ],
)
def test_a_quiet_run_has_no_row_about_noise(tmp_path: Path, noise: dict[str, Any], noisy: Value) -> None:
    measurement = ingest(with_state(write_result(tmp_path), noise=noise))
    assert measurement.values["noisy"] == noisy
    assert "noisy_because" not in measurement.values
    assert "Noisy" not in rows_of(measurement)


def test_a_repeated_run_has_the_number_of_attempts(tmp_path: Path) -> None:
    measurement = ingest(with_state(write_result(tmp_path), attempts=[NOISE, NOISE]))
    assert measurement.values["noise_attempts"].value == 2


def test_sessions_without_a_machine_state_are_read(tmp_path: Path) -> None:
    measurement = ingest(write_result(tmp_path))
    assert not {"noisy", "energy_j", "steal_percent"} & measurement.values.keys()
    assert not {"Noisy", "During the run", "Energy per sample (J)"} & rows_of(measurement).keys()


@pytest.mark.parametrize(
    ("scenario", "changes", "cost", "basis"),
    [
        ("Offline", {}, 3.6 / 3600 * 1e6 / 40.5, "samples_per_second"),
        ("SingleStream", {"result_mean_latency_ns": 2_000_000}, 2.0, "mean_latency_ms"),
        ("MultiStream", {"result_mean_query_latency_ns": 16_000_000}, 2.0, "mean_latency_ms of 8 samples"),
    ],
)
def test_a_price_gives_the_cost(
    tmp_path: Path, scenario: str, changes: dict[str, Any], cost: float, basis: str
) -> None:
    measurement = ingest(write_result(tmp_path, scenario, **changes), price=price_option(3.6))
    value = measurement.values["cost_per_million_inferences"]
    assert value.value == pytest.approx(cost)
    assert value.origin == "inferred"
    assert f"3.6 per hour (--price_per_hour, in the price's currency) and {basis};" in str(value.reason)
    assert rows_of(measurement)["Cost per million (in the price's currency)"] == f"{cost:.6g}"
    assert rows_of(measurement)["Price per hour"] == "3.6 (--price_per_hour, in the price's currency)"


def test_without_a_price_there_is_no_cost(tmp_path: Path) -> None:
    assert "cost_per_million_inferences" not in ingest(write_result(tmp_path)).values


def test_without_a_performance_run_the_cost_is_unknown(tmp_path: Path) -> None:
    write_result(tmp_path)
    (tmp_path / "performance-session.json").unlink()
    for path in (tmp_path / "performance" / "run_1").iterdir():
        path.unlink()
    (tmp_path / "performance" / "run_1").rmdir()
    value = ingest(tmp_path, price=price_option(1.0)).values["cost_per_million_inferences"]
    assert value.origin == "unknown"
    assert "no performance run" in str(value.reason)
