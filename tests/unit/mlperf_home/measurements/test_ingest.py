"""A result's folder becomes a measurement, or an error about the incomplete or damaged file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from results_logs import load_session, save_session, write_logs, write_result

import mlperf_home.measurements
from mlperf_home.contracts.runs.session import IngestError
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import (
    Measurement,
    MeasurementError,
    Value,
    from_json,
    read_measurement,
    to_json,
    unknown,
)
from mlperf_home.measurements.prices import price_option
from mlperf_home.measurements.table import read_family, summary_rows

if TYPE_CHECKING:
    from collections.abc import Callable

MEASURED = {"value": 1, "origin": "measured", "source": None, "reason": None}


def test_a_complete_result_is_official(tmp_path: Path) -> None:
    measurement = ingest(write_result(tmp_path), model_name="obert-large")
    assert (measurement.benchmark, measurement.scenario, measurement.validity) == ("bert-99", "Offline", "VALID")
    values = measurement.values
    assert values["samples_per_second"] == Value(
        40.5, "measured", "performance/run_1/mlperf_log_detail.txt: result_samples_per_second"
    )
    assert (values["f1_percent"].value, values["exact_match_percent"].value) == (90.18, 83.58)
    assert values["min_duration_ms"].origin == "copied"
    assert measurement.engine["vnni"].origin == "unknown"
    assert measurement.system["cgroup_cpu_quota"] == unknown("no limit is set")
    assert measurement.model["sha256"].value == "ab" * 32
    assert measurement.unofficial_because == ()
    assert set(measurement.logs) == {
        f"{folder}/mlperf_log_{name}"
        for folder in ("performance/run_1", "accuracy")
        for name in ("detail.txt", "summary.txt", "accuracy.json")
    }


def test_single_stream_infers_the_other_scenarios(tmp_path: Path) -> None:
    changes = {
        "early_stopping_latency_ss": 50_000_000,
        "early_stopping_latency_ms": 60_000_000,
        "result_qps_without_loadgen_overhead": 21.5,
    }
    values = ingest(write_result(tmp_path, "SingleStream", **changes)).values
    assert values["latency_ms"].value == 50
    assert (values["offline_samples_per_second"].value, values["offline_samples_per_second"].origin) == (
        21.5,
        "inferred",
    )
    assert values["multi_stream_latency_ms"].value == 480


def test_a_result_of_zero_is_unknown(tmp_path: Path) -> None:
    values = ingest(write_result(tmp_path, "SingleStream", early_stopping_latency_ss=0)).values
    assert values["latency_ms"].origin == "unknown"
    assert "could not estimate" in str(values["latency_ms"].reason)


def test_a_performance_run_alone_is_read(tmp_path: Path) -> None:
    write_result(tmp_path)
    (tmp_path / "accuracy-session.json").unlink()
    for path in (tmp_path / "accuracy").iterdir():
        path.unlink()
    (tmp_path / "accuracy").rmdir()
    measurement = ingest(tmp_path)
    assert measurement.values["accuracy"] == unknown("no accuracy run in this result")
    assert "it has no accuracy run" in measurement.unofficial_because


def test_an_accuracy_run_alone_is_read(tmp_path: Path) -> None:
    write_result(tmp_path)
    (tmp_path / "performance-session.json").unlink()
    for path in (tmp_path / "performance" / "run_1").iterdir():
        path.unlink()
    (tmp_path / "performance" / "run_1").rmdir()
    measurement = ingest(tmp_path)
    assert measurement.validity is None
    assert measurement.values["f1_percent"].value == 90.18
    assert "it has no performance run" in measurement.unofficial_because


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"effective_min_duration_ms": 8000}, "asked to last 8 s; v3.1 asks 600 s"),
        ({"effective_performance_sample_count": 1232}, "1232 samples were loaded; v3.1 asks 10833"),
        ({"effective_samples_per_query": 200}, "200 samples were issued; v3.1 asks 24576"),
        ({"effective_qsl_rng_seed": 1}, "its seeds are not those of v3.1"),
        ({"result_validity": "INVALID"}, "LoadGen calls the performance run INVALID"),
    ],
)
def test_each_obstacle_makes_a_result_unofficial(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    (text,) = ingest(write_result(tmp_path, **changes)).unofficial_because
    assert words in text


def with_dataset(root: Path, **changes: Any) -> Path:
    """Change the dataset of both sessions, their benchmark and their sample mark."""
    for mode in ("performance", "accuracy"):
        session = load_session(root, mode)
        session["dataset"]["count"] = changes["count"]
        session["job"]["benchmark"] = changes.get("benchmark", "bert-99")
        save_session(root, mode, {**session, "sample": changes.get("sample", False)})
    return root


@pytest.mark.parametrize(
    ("benchmark", "count", "words"),
    [("bert-99", 1232, "1232 samples; v3.1 asks all 10833"), ("resnet", 500, "500 samples; v3.1 asks all 50000")],
)
def test_a_part_of_the_dataset_is_unofficial(tmp_path: Path, benchmark: str, count: int, words: str) -> None:
    (text,) = ingest(with_dataset(write_result(tmp_path), benchmark=benchmark, count=count)).unofficial_because
    assert words in text


def test_the_whole_dataset_is_official(tmp_path: Path) -> None:
    assert ingest(with_dataset(write_result(tmp_path), benchmark="resnet", count=50000)).unofficial_because == ()


def test_the_size_of_sample_data_is_no_second_obstacle(tmp_path: Path) -> None:
    measurement = ingest(with_dataset(write_result(tmp_path), benchmark="resnet", count=60, sample=True))
    assert measurement.unofficial_because == ("it was made with sample data",)


def test_a_sample_result_is_marked(tmp_path: Path) -> None:
    write_result(tmp_path)
    for mode in ("performance", "accuracy"):
        save_session(tmp_path, mode, load_session(tmp_path, mode) | {"sample": True, "sample_note": "made up"})
    measurement = ingest(tmp_path)
    assert measurement.sample
    assert measurement.unofficial_because == ("it was made with sample data",)
    assert summary_rows(measurement)[0] == ("Data", "SAMPLE, no MLPerf result: made up")


def rewrite_session(**changes: Any) -> Callable[[Path], object]:
    def rewrite(root: Path) -> None:
        session = load_session(root, "accuracy")
        for section, key in (name.split("__") for name in changes):
            session[section][key] = changes[f"{section}__{key}"]
        save_session(root, "accuracy", session)

    return rewrite


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(text, "utf-8")


LIBRARY = {"libd.so": {"path": "/lib/libd.so", "sha256": "ab" * 32}}
OTHER_LIBRARY = {"libd.so": {"path": "/lib/libd.so", "sha256": "cd" * 32}}


def save_inputs(root: Path, mode: str, files: Any, inputs: Any, outputs: Any = None) -> None:
    """Change what a session tells of the files of its model and engine; None leaves it out, as 0.1 did."""
    session = load_session(root, mode)
    session["model"] |= {} if files is None else {"files": files}
    session |= {} if inputs is None else {"inputs": inputs}
    session["engine"]["details"] |= {} if outputs is None else {"outputs": outputs}
    save_session(root, mode, session)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (({"w": "1"}, {}), ({"w": "2"}, {}), "differ in the model's files: w"),
        (({"w": "1"}, {}), ({}, {}), "differ in the model's files: w"),
        (({}, LIBRARY), ({}, OTHER_LIBRARY), "differ in the files that the engine was given: libd.so"),
        (({}, LIBRARY), ({}, {}), "differ in the files that the engine was given: libd.so"),
        (({}, {}, ["a", "b"]), ({}, {}, ["b", "a"]), "differ in the model's outputs: end, start"),
    ],
)
def test_runs_of_other_inputs_make_no_measurement(tmp_path: Path, first: Any, second: Any, words: str) -> None:
    write_result(tmp_path)
    save_inputs(tmp_path, "performance", *first)
    save_inputs(tmp_path, "accuracy", *second)
    with pytest.raises(IngestError, match=f"the performance run and the accuracy run {words}"):
        ingest(tmp_path)


@pytest.mark.parametrize("new", ["performance", "accuracy"])
def test_a_run_of_0_1_joins_a_newer_one(tmp_path: Path, new: str) -> None:
    write_result(tmp_path)
    save_inputs(tmp_path, new, {"w": "1"}, LIBRARY, ["a", "b"])
    assert ingest(tmp_path).validity == "VALID"


def test_a_measurement_names_all_files_of_model_and_engine(tmp_path: Path) -> None:
    write_result(tmp_path)
    assert "files" not in {**ingest(tmp_path).model, **ingest(tmp_path).engine}
    for mode in ("performance", "accuracy"):
        save_inputs(tmp_path, mode, {"w2": "2", "w1": "1"}, LIBRARY)
    measurement = ingest(tmp_path)
    assert measurement.model["files"] == Value("w1 1; w2 2", "measured", "session: model.files")
    assert measurement.engine["files"] == Value(f"libd.so {'ab' * 32}", "measured", "session: inputs")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "performance-session.json").unlink(), "the run was not completed"),
        (write("performance-session.json", "{"), "is not JSON"),
        (write("performance-session.json", '{"schema": 1, "status": "running"}'), "not the session of a complete run"),
        (write("performance/run_1/mlperf_log_summary.txt", "x"), "changed or belongs to another run"),
        (lambda root: (root / "accuracy/mlperf_log_detail.txt").unlink(), "cannot be read"),
        (lambda root: write_logs(root / "performance/run_1", changes={"result_query_count": 2}), "another run"),
        (lambda root: (root / "accuracy/accuracy.txt").unlink(), "accuracy.txt: cannot be read"),
        (write("accuracy/accuracy.txt", "f1 is good\n"), "holds no accuracy in an official form"),
        (write("accuracy/accuracy.txt", f'{{"exact_match": 1, "f1": 2}}\nhash={"0" * 64}\n'), "the hashes differ"),
        (rewrite_session(job__scenario="Server"), "the log is of Offline, its session of Server"),
        (rewrite_session(job__backend="onnxruntime"), "differ in backend"),
        (rewrite_session(model__sha256="cd" * 32), "differ in model's sha256"),
        (rewrite_session(dataset__count=1232), "differ in dataset's count"),
        (rewrite_session(job__mode="find-performance"), "is the session of a find-performance run"),
    ],
)
def test_a_mixed_or_incomplete_result_is_rejected(tmp_path: Path, spoil: Callable[[Path], object], words: str) -> None:
    spoil(write_result(tmp_path))
    with pytest.raises(IngestError, match=words):
        ingest(tmp_path)


def test_one_run_with_sample_data_is_rejected(tmp_path: Path) -> None:
    write_result(tmp_path)
    save_session(tmp_path, "accuracy", load_session(tmp_path, "accuracy") | {"sample": True})
    with pytest.raises(IngestError, match="one of the two runs used sample data"):
        ingest(tmp_path)


def test_logs_with_errors_of_loadgen_are_rejected(tmp_path: Path) -> None:
    write_result(tmp_path)
    write_logs(tmp_path / "performance/run_1", errors=("something broke",))
    session = load_session(tmp_path, "performance")
    session["logs"] = {}
    save_session(tmp_path, "performance", session)
    with pytest.raises(IngestError, match="something broke"):
        ingest(tmp_path)


def test_an_empty_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="neither a performance nor an accuracy run"):
        ingest(tmp_path)


def test_a_truncated_accuracy_log_is_checked_by_its_hash(tmp_path: Path) -> None:
    write_result(tmp_path)
    (tmp_path / "accuracy" / "mlperf_log_accuracy.json").write_text("[\n\n\n...\n\n]\n", "utf-8")
    assert ingest(tmp_path).values["f1_percent"].value == 90.18


def test_a_measurement_survives_json(tmp_path: Path) -> None:
    measurement = ingest(write_result(tmp_path), system={"host_processor_model_name": Value("CPU", "measured")})
    text = to_json(measurement)
    assert from_json(text) == measurement
    assert to_json(from_json(text)) == text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document.update(schema=2), "not a measurement of schema 1"),
        (lambda document: document.pop("values"), "missing or unknown keys: values"),
        (lambda document: document.update(colour="red"), "missing or unknown keys: colour"),
        (lambda document: document["values"].update(x={"value": 1, "origin": "guessed"}), "origin must be one of"),
        (lambda document: document["values"].update(x={"value": None, "origin": "measured"}), "if and only if"),
        (lambda document: document["values"].update(x={"value": None, "origin": "unknown"}), "needs a reason"),
        (lambda document: document["values"].update(x=3), "measurement#/values/x: holds a malformed value"),
        (
            lambda document: document["values"].update({"a b": {"value": [], "origin": "measured"}}),
            "#/values/a b/value: ",
        ),
        (lambda document: document["system"].update(x={**MEASURED, "unit": "s"}), "#/system/x: .*unknown key unit"),
        (
            lambda document: document["system"].update(x={**MEASURED, "value": 1 << 63}),
            "#/system/x: .*less than 64 bits",
        ),
        (lambda document: document["engine"].update(x={"value": 1}), "#/engine/x: .*missing required field"),
        (lambda document: document.update(values=[]), "#/values: holds a malformed value"),
        (lambda document: document.update(reasons="abc"), "#/reasons: holds a malformed value"),
        (lambda document: document.update(warnings=["a", 1]), "#/warnings/1: holds a malformed value"),
    ],
)
def test_other_json_is_rejected(tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str) -> None:
    document = json.loads(to_json(ingest(write_result(tmp_path))))
    change(document)
    with pytest.raises(MeasurementError, match=words):
        from_json(json.dumps(document))


def test_text_that_is_not_json_is_rejected() -> None:
    with pytest.raises(MeasurementError, match="is not JSON"):
        from_json("{")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON ("),
        (b"[" * 100_000, "is nested more than 8 levels deep"),
        (b"[" + b"0," * 100_000 + b"0]", "has more than 100,000 values"),
        (b" " * (4 << 20) + b"1", "has more than 4,194,304 bytes"),
        (b'{"schema": 1, "round": "\xff"}', "is not UTF-8 text at byte 24"),
    ],
)
def test_an_invalid_file_is_reported_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "measurement.json"
    path.write_bytes(content)

    for read in (lambda: read_measurement(path), lambda: read_family([tmp_path])):
        with pytest.raises(MeasurementError) as refused:
            read()
        assert str(refused.value).startswith(f"{path}: {problem}")
        assert "\n" not in str(refused.value)
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_measurement(tmp_path / "absent.json")


def test_measurements_conform_to_the_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    path = Path(mlperf_home.measurements.__file__).parent / "measurement.schema.json"
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text("utf-8")))
    document = json.loads(to_json(ingest(write_result(tmp_path))))
    validator.validate(document)
    assert document.keys() == set(validator.schema["required"])
    document["values"]["samples_per_second"]["value"] = None
    assert not validator.is_valid(document)


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
