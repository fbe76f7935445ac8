"""A result's folder becomes a measurement, or an error about the incomplete or damaged file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from results_logs import load_session, save_session, write_logs, write_result

from mlperf_home.contracts.runs.session import IngestError
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.measurements.table import summary_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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


CALIBRATED = {
    "grid": {"lengths": [96], "batch_sizes": [4], "streams": 2},
    "measured": [],
    "skipped": [],
    "elapsed_s": 60.0,
    "chosen": "batch 4, 2 streams",
    "doubt": {
        "runner_up": "batch 4, 1 stream",
        "margin_percent": 6.5,
        "probability": 0.91,
        "tolerance_percent": 3.0,
        "tied_with": ["batch 2, 2 streams"],
    },
    "disturbance": {"disturbed_because": ["other programs used 9.0 % of the CPUs' time"]},
    "budget_s": 60.0,
    "made_utc": "2026-12-01T10:00:00+00:00",
    "confirmation": {
        "confirmed": True, "reached_per_second": 95.0, "promised_per_second": 100.0, "run_utc": "2026-12-01"
    },
}  # fmt: skip


def test_a_calibrations_choice_and_doubt_are_told(tmp_path: Path) -> None:
    write_result(tmp_path)
    save_session(tmp_path, "performance", {**load_session(tmp_path, "performance"), "calibration": CALIBRATED})
    measurement = ingest(tmp_path)
    values = measurement.values
    assert values["calibration_margin_percent"].value == 6.5
    assert values["calibration_probability"].value == 0.91
    assert values["calibration_date"].value == "2026-12-01T10:00:00+00:00"
    assert values["calibration_reached_share"].value == 0.95
    words = dict(summary_rows(measurement))["Calibration"]
    for part in (
        "batch 4, 2 streams; 6.5 % faster than batch 4, 1 stream",
        "cannot be told apart from batch 2, 2 streams",
        "disturbed: other programs used 9.0 %",
        "confirmed by a run at 95% of the promised speed",
    ):
        assert part in words


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


def test_a_container_is_named_with_its_image(tmp_path: Path) -> None:
    write_result(tmp_path)
    inside = {"engine": "podman", "version": "4.3.1", "rootless": False, "image_digest": f"sha256:{'a' * 64}"}
    for mode in ("performance", "accuracy"):
        session = load_session(tmp_path, mode)
        save_session(tmp_path, mode, {**session, "host": {**session["host"], "container": inside}})

    system = ingest(tmp_path).system

    assert system["container"].value == "podman 4.3.1, as root"
    assert system["container_image"].value == inside["image_digest"]


def test_a_result_outside_of_containers_names_none(tmp_path: Path) -> None:
    write_result(tmp_path)

    assert "container" not in ingest(tmp_path).system


def test_an_empty_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="neither a performance nor an accuracy run"):
        ingest(tmp_path)


def test_a_truncated_accuracy_log_is_checked_by_its_hash(tmp_path: Path) -> None:
    write_result(tmp_path)
    (tmp_path / "accuracy" / "mlperf_log_accuracy.json").write_text("[\n\n\n...\n\n]\n", "utf-8")
    assert ingest(tmp_path).values["f1_percent"].value == 90.18
