"""A submission that keeps every rule, small enough to be written for each test."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from mlperf_home.rules import load_round, mlperf_conf

RULES = load_round("v3.1")
SUT = "box-reference-cpu-deepsparse-v1.8.0-default_config"
BERT = "obert-large-pruned95_quant-none-bert-99"
MOBILENET = "mobilenet-v1-precision_float-1.0-224"
_METADATA = {"is_error": False, "is_warning": False, "file": "x.cc", "line_no": 1, "pid": 1, "tid": 1}


def log_line(key: str, value: Any, **flags: bool) -> str:
    entry = {"key": key, "value": value, "time_ms": 1.0, "metadata": _METADATA | flags}
    return ":::MLLOG " + json.dumps(entry) + "\n"


def effective(scenario: str, mode: str, benchmark: str) -> dict[str, Any]:
    """Return the settings that the rules ask of a run."""
    rules = RULES.scenarios[scenario]
    total = {"bert-99": 10833, "resnet": 50000}[benchmark]
    offline = scenario == "Offline"
    return {
        "scenario": scenario,
        "test_mode": mode,
        "samples_per_query": 66000 if offline else rules.samples_per_query,
        "target_qps": 100 if offline else 50,
        "target_latency_ns": 0,
        "target_latency_percentile": 0.9,
        "min_duration_ms": 600000,
        "max_duration_ms": 0,
        "min_query_count": 1 if offline else rules.min_query_count,
        **vars(RULES.seeds),
        "accuracy_log_rng_seed": 0,
        "performance_issue_same": False,
        "performance_sample_count": RULES.benchmarks[benchmark].performance_sample_count,
        "accuracy_sample_count": total,
    }


def measured(scenario: str) -> dict[str, Any]:
    """Return the results of a VALID performance run."""
    values: dict[str, Any] = {
        "result_validity": "VALID",
        "result_min_duration_met": True,
        "result_min_queries_met": True,
        "early_stopping_met": True,
        "result_query_count": 1 if scenario == "Offline" else 40000,
        "result_mean_latency_ns": 12_000_000,
        "num_errors": 0,
    }
    if scenario == "Offline":
        return values | {"result_samples_per_second": 109.5}
    return values | {
        "result_qps_without_loadgen_overhead": 83.3333,
        "early_stopping_latency_ss": 13_500_000,
        "early_stopping_latency_ms": 14_000_000,
        "result_mean_query_latency_ns": 96_000_000,
    }


def write_run(folder: Path, scenario: str, mode: str, benchmark: str) -> None:
    """Write the logs of one run."""
    settings = effective(scenario, mode, benchmark)
    values: dict[str, Any] = {
        "loadgen_version": "6.0.17 @ d6147c7eb7",
        "test_datetime": "2026-01-02T03:04:05Z",
        # No two runs have equal logs.
        "generic_message": "/".join(folder.parts[-5:]),
        "sut_name": "PySUT",
        "qsl_reported_total_count": settings["accuracy_sample_count"],
        "qsl_reported_performance_count": settings["performance_sample_count"],
        "power_end": "x",
    }
    values |= {f"effective_{key}": value for key, value in settings.items()}
    if mode == "PerformanceOnly":
        values |= measured(scenario)
    folder.mkdir(parents=True)
    lines = [log_line(key, value) for key, value in values.items()]
    lines.append(log_line("warning_generic_message", "a warning", is_warning=True))
    (folder / "mlperf_log_detail.txt").write_text("".join(lines), "utf-8")
    (folder / "mlperf_log_summary.txt").write_text(_summary(values), "utf-8")
    (folder / "mlperf_log_accuracy.json").write_text("[\n]\n", "utf-8")


def _summary(values: dict[str, Any]) -> str:
    fields = {
        "Scenario": values["effective_scenario"],
        "Mode    ": values["effective_test_mode"],
        "Result is": values.get("result_validity"),
        "Samples per second": values.get("result_samples_per_second"),
        "Mean latency (ns)": values.get("result_mean_latency_ns"),
        "min_duration (ms)": values["effective_min_duration_ms"],
        "qsl_rng_seed": values["effective_qsl_rng_seed"],
    }
    lines = [f"{label} : {value}" for label, value in fields.items() if value is not None]
    return "\n".join([*lines, "", "No errors encountered during test.", ""])


def write_accuracy(folder: Path, scenario: str, benchmark: str, *, entries: int = 500) -> None:
    """Write an accuracy run with a log long enough to need truncation, and truncate it."""
    write_run(folder, scenario, "AccuracyOnly", benchmark)
    log = ",\n".join(json.dumps({"seq_id": n, "qsl_idx": n, "data": f"{n:08X}"}) for n in range(entries))
    content = f"[\n{log}\n]\n".encode()
    digest = hashlib.sha256(content).hexdigest()
    short = content[:4096] + b"\n\n...\n\n" + content[-4096:]
    (folder / "mlperf_log_accuracy.json").write_bytes(short)
    scores = (
        '{"exact_match": 83.58, "f1": 90.18}' if benchmark == "bert-99" else "accuracy=71.676%, good=35838, total=50000"
    )
    (folder / "accuracy.txt").write_text(f"{scores}\nhash={digest}\n", "utf-8")


def write_result(submitter: Path, model: str, scenario: str, benchmark: str, *, run: str | None = None) -> None:
    """Write one result with its measurement files; `run` names the scenario of the run, if it is another."""
    where = Path(SUT) / model / scenario.lower()
    run = run or scenario
    write_run(submitter / "results" / where / "performance" / "run_1", run, "PerformanceOnly", benchmark)
    write_accuracy(submitter / "results" / where / "accuracy", run, benchmark)
    folder = submitter / "measurements" / where
    folder.mkdir(parents=True)
    loadgen_model = RULES.benchmarks[benchmark].loadgen_model
    target = "target_qps = 100" if run == "Offline" else "target_latency = 8"
    (folder / "user.conf").write_text(
        f"{loadgen_model}.{run}.{target}\n{loadgen_model}.{run}.min_duration = 600000\n", "utf-8"
    )
    (folder / "mlperf.conf").write_text(mlperf_conf(RULES), "utf-8")
    (folder / "README.md").write_text("cm run script --tags=run,mlperf,bert-99,deepsparse\n", "utf-8")
    values: dict[str, Any] = dict.fromkeys(RULES.submission.measurement_fields, "int8")
    if run != scenario:
        values["inferred_from"] = run
    (folder / f"{SUT}.json").write_text(json.dumps(values), "utf-8")


def system(division: str, submitter: str) -> dict[str, str]:
    """Return a system's description with every field."""
    fields = RULES.submission.system
    values = dict.fromkeys(fields.meaningful, "1") | dict.fromkeys(fields.present, "")
    return values | {"division": division, "submitter": submitter, "status": "available", "system_type": "edge"}


def write_tree(root: Path, *, division: str = "open", submitter: str = "Example") -> Path:
    """Write the whole tree; return the submitter's folder."""
    folder = root / division / submitter
    for scenario in ("SingleStream", "Offline"):
        write_result(folder, BERT, scenario, "bert-99")
    write_result(folder, MOBILENET, "SingleStream", "resnet")
    for scenario in ("Offline", "MultiStream"):
        write_result(folder, MOBILENET, scenario, "resnet", run="SingleStream")
    (folder / "systems").mkdir()
    (folder / "systems" / f"{SUT}.json").write_text(json.dumps(system(division, submitter)), "utf-8")
    (folder / "code" / BERT).mkdir(parents=True)
    (folder / "code" / BERT / "README.md").write_text("Made with mlperf-home.\n", "utf-8")
    (folder / "code" / MOBILENET).write_text(f"{BERT}\n", "utf-8")
    (folder / "documentation").mkdir()
    (folder / "documentation" / "calibration.md").write_text("No calibration.\n", "utf-8")
    return folder
