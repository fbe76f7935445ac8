"""Logs of LoadGen 6.0.17 and sessions of the harness, reduced to the keys that the code reads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS: dict[str, Any] = {
    "samples_per_query": 24576,
    "target_qps": 100,
    "target_latency_ns": 0,
    "target_latency_percentile": 0.99,
    "min_duration_ms": 600000,
    "max_duration_ms": 0,
    "min_query_count": 1,
    "qsl_rng_seed": 148687905518835231,
    "sample_index_rng_seed": 520418551913322573,
    "schedule_rng_seed": 811580660758947900,
    "performance_sample_count": 10833,
}
RESULT: dict[str, Any] = {
    "result_validity": "VALID",
    "result_min_duration_met": True,
    "result_min_queries_met": True,
    "early_stopping_met": True,
    "early_stopping_result": "",
    "result_query_count": 1,
    "result_samples_per_second": 40.5,
    "result_max_latency_ns": 606_000_000_000,
    "result_mean_latency_ns": 606_000_000_000,
    "result_90.00_percentile_latency_ns": 606_000_000_000,
    "num_errors": 0,
}


def log_line(key: str, value: Any, *, is_error: bool = False, is_warning: bool = False) -> str:
    metadata = {"is_error": is_error, "is_warning": is_warning, "file": "x.cc", "line_no": 1, "pid": 1, "tid": 1}
    return ":::MLLOG " + json.dumps({"key": key, "value": value, "time_ms": 1.0, "metadata": metadata}) + "\n"


def write_logs(
    folder: Path,
    *,
    mode: str = "PerformanceOnly",
    scenario: str = "Offline",
    changes: dict[str, Any] | None = None,
    errors: tuple[str, ...] = (),
) -> None:
    """Write the logs of a run; `changes` replaces settings and results by key, None removes a key."""
    is_accuracy = mode == "AccuracyOnly"
    effective = {"scenario": scenario, "test_mode": mode, **SETTINGS}
    values = {"loadgen_version": "6.0.17 @ d6147c7eb7", "test_datetime": "2026-01-02T03:04:05Z", "power_end": "x"}
    values |= {f"effective_{key}": value for key, value in effective.items()}
    values |= {} if is_accuracy else RESULT
    values |= changes or {}
    folder.mkdir(parents=True, exist_ok=True)
    lines = [log_line(key, value) for key, value in values.items() if value is not None]
    lines += [log_line("error_runtime", text, is_error=True) for text in errors]
    lines.append(log_line("warning_generic_message", "a warning", is_warning=True))
    (folder / "mlperf_log_detail.txt").write_text("".join(lines), "utf-8")
    (folder / "mlperf_log_summary.txt").write_text("...\n\nNo errors encountered during test.\n", "utf-8")
    (folder / "mlperf_log_accuracy.json").write_text("[\n]\n", "utf-8")


SESSION: dict[str, Any] = {
    "schema": 1,
    "status": "complete",
    "job": {
        "round": "v3.1",
        "benchmark": "bert-99",
        "loadgen_model": "bert",
        "scenario": "Offline",
        "mode": "performance",
        "backend": "deepsparse",
        "model_path": "/models/bert.onnx",
        "options": {},
        "cores": None,
        "lengths": [128, 384],
        "batch_sizes": [4],
        "streams": 2,
        "dataset_kind": "squad",
        "dataset_path": "/features",
        "user_conf": "bert.Offline.target_qps = 20\n",
        "stall_timeout_s": 300.0,
    },
    "sample": False,
    "sample_note": "",
    "engine": {"name": "deepsparse", "version": "1.8.0", "details": {"isa": "avx2", "vnni": None}, "warnings": []},
    "model": {"path": "/models/bert.onnx", "sha256": "ab" * 32, "reason": None},
    "grid": {
        "lengths": [128, 384], "batch_sizes": [4, 4], "streams": 2, "origin": "given", "streams_as": "threads",
    },
    "calibration": None,
    "dataset": {
        "name": "squad-v1.1", "identity": {}, "count": 10833, "performance_count": 10833, "made": {},
    },
    "loadgen": {"version": "6.0.17", "logged_version": "6.0.17 @ d6147c7eb7", "settings": {}, "warnings": []},
    "result": {"validity": "VALID", "reasons": []},
    "target": None,
    "counts": {"queries": 1, "samples_issued": 24576, "samples_completed": 24576, "batches": 6144},
    "times": {"started_utc": "2026-01-02T03:04:05+00:00", "open_s": 12.5, "run_s": 607.25},
    "peak_memory_bytes": 123456789,
    "host": {
        "load_average_1min_before": 0.25,
        "affinity_cpus": [0, 1],
        "cgroup_cpu_quota": None,
        "cgroup_cpu_quota_reason": "no limit is set",
    },
    "warnings": ["no VNNI"],
    "logs": {},
}  # fmt: skip


def make_session(folder: Path, mode: str, scenario: str = "Offline") -> dict[str, Any]:
    """Return a session for the logs in `folder`."""
    logs = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name.startswith("mlperf_log_")
    }
    return {
        **SESSION,
        "job": {**SESSION["job"], "scenario": scenario, "mode": mode},
        "logs": logs,
    }


def write_result(root: Path, scenario: str = "Offline", **changes: Any) -> Path:
    """Write the folder of a complete result: performance, accuracy, both sessions, accuracy.txt."""
    performance, accuracy = root / "performance" / "run_1", root / "accuracy"
    write_logs(performance, scenario=scenario, changes=changes)
    write_logs(accuracy, mode="AccuracyOnly", scenario=scenario)
    digest = hashlib.sha256((accuracy / "mlperf_log_accuracy.json").read_bytes()).hexdigest()
    text = f'{{"exact_match": 83.58, "f1": 90.18}}\nhash={digest}\n'
    (accuracy / "accuracy.txt").write_text(text, "utf-8")
    for folder, mode in ((performance, "performance"), (accuracy, "accuracy")):
        save_session(root, mode, make_session(folder, mode, scenario))
    return root


def save_session(root: Path, mode: str, session: dict[str, Any]) -> None:
    (root / f"{mode}-session.json").write_text(json.dumps(session), "utf-8")


def load_session(root: Path, mode: str) -> dict[str, Any]:
    session: dict[str, Any] = json.loads((root / f"{mode}-session.json").read_text("utf-8"))
    return session
