"""Results for a submission, as the harness and as other tools leave them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from results_logs import SESSION
from submission_tree import BERT, RULES, SUT, effective, measured, system, write_run

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.runs.latencies import LATENCIES_FILE, KeptLatencies, LatencyBlock
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Value, to_json
from mlperf_home.submission.assemble.collect import SubmissionRequest
from mlperf_home.submission.assemble.generate import generate

if TYPE_CHECKING:
    from pathlib import Path

_ENTRIES = 900
_BLOCKS = 64
_MODEL = {**SESSION["model"], "path": "/models/model.onnx"}
_ENGINE = {**SESSION["engine"], "details": {"input": {"shape": [1], "dtype": "float32"}}}


def write_accuracy_log(folder: Path, benchmark: str) -> None:
    entries = ",\n".join(json.dumps({"seq_id": n, "qsl_idx": n, "data": f"{n:08X}"}) for n in range(_ENTRIES))
    log = f"[\n{entries}\n]\n"
    (folder / "mlperf_log_accuracy.json").write_text(log, "utf-8")
    scores = (
        '{"exact_match": 83.58, "f1": 90.18}' if benchmark == "bert-99" else "accuracy=71.676%, good=35838, total=50000"
    )
    digest = hashlib.sha256(log.encode()).hexdigest()
    (folder / "accuracy.txt").write_text(f"{scores}\nhash={digest}\n", "utf-8")


def foreign(results: Path, model: str = BERT, scenario: str = "Offline", benchmark: str = "bert-99") -> Path:
    """Write a result as the 2023 scripts left it: logs, settings, no session."""
    folder = results / "valid_results" / SUT / model / scenario.lower()
    write_run(folder / "performance" / "run_1", scenario, "PerformanceOnly", benchmark)
    write_run(folder / "accuracy", scenario, "AccuracyOnly", benchmark)
    write_accuracy_log(folder / "accuracy", benchmark)
    name = RULES.benchmarks[benchmark].loadgen_model
    (folder / "user.conf").write_text(f"{name}.{scenario}.min_duration = 600000\n", "utf-8")
    (folder / "README.md").write_text("cmr 'generate-run-cmds inference'\n", "utf-8")
    return folder


def logged_facts(scenario: str, mode: str, benchmark: str) -> dict[str, Any]:
    """Return the parts of a session that repeat the logs of `write_run`."""
    settings = effective(scenario, "PerformanceOnly" if mode == "performance" else "AccuracyOnly", benchmark)
    total, results = settings["accuracy_sample_count"], measured(scenario) if mode == "performance" else {}
    queries = results.get("result_query_count", total)
    samples = queries * settings["samples_per_query"] if results else total
    return {
        "dataset": {**SESSION["dataset"], "count": total, "performance_count": settings["performance_sample_count"]},
        "loadgen": {**SESSION["loadgen"], "settings": settings},
        "result": {"validity": results.get("result_validity"), "reasons": []},
        "counts": {"queries": queries, "samples_issued": samples, "samples_completed": samples, "batches": queries},
    }


def _completions(benchmark: str) -> KeptLatencies:
    """Return the completions of the Offline run of `write_run`."""
    samples = logged_facts("Offline", "performance", benchmark)["counts"]["samples_completed"]
    duration_s = 600.0
    ends = [samples * number // _BLOCKS for number in range(_BLOCKS + 1)]
    blocks = tuple(LatencyBlock(count=end - begin, sum_ns=0, histogram="") for begin, end in pairwise(ends))
    return KeptLatencies(kind="sorted completions", block_s=duration_s / _BLOCKS, duration_s=duration_s, blocks=blocks)


def ours(
    results: Path, model: str = BERT, scenario: str = "Offline", benchmark: str = "bert-99", *, sample: bool = False
) -> Path:
    """Write a result as the harness leaves it."""
    folder = foreign(results, model, scenario, benchmark)
    for mode, logs in (("performance", folder / "performance" / "run_1"), ("accuracy", folder / "accuracy")):
        if (mode, scenario) == ("performance", "Offline"):
            (logs / LATENCIES_FILE).write_text(to_line(_completions(benchmark)), "utf-8")
        hashes = {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in logs.iterdir()
            if path.name.startswith("mlperf_log_") or path.name == LATENCIES_FILE
        }
        conf = (folder / "user.conf").read_text("utf-8")
        job = {**SESSION["job"], "benchmark": benchmark, "scenario": scenario, "mode": mode, "user_conf": conf}
        job["model_path"] = _MODEL["path"]
        job["loadgen_model"] = RULES.benchmarks[benchmark].loadgen_model
        session = {**SESSION, "engine": _ENGINE, "model": _MODEL, "warnings": [], "sample": sample}
        session |= {"job": job, "logs": hashes, **logged_facts(scenario, mode, benchmark)}
        (folder / f"{mode}-session.json").write_text(json.dumps(session), "utf-8")
    measurement = ingest(folder, model_name=model)
    facts = {
        "weight_type": Value("int8", "copied"),
        "retraining": Value("no", "copied"),
        "weight_transformations": Value("none", "copied"),
    }
    (folder / "measurement.json").write_text(
        to_json(replace(measurement, model={**measurement.model, **facts})), "utf-8"
    )
    return folder


def compliance_run(result: Path, test: str, scenario: str, *, score: float = 1.0) -> Path:
    """Write a compliance test's run into a result; `score` is its ratio to the performance run's."""
    folder = result / test
    write_run(folder, scenario, "PerformanceOnly", "bert-99")
    path = folder / "mlperf_log_detail.txt"
    text = path.read_text("utf-8")
    if test == "TEST05":
        for name, seed in vars(RULES.seeds).items():
            text = text.replace(str(seed), str(getattr(RULES.test05_seeds, name)))
    key, value = (
        ("result_samples_per_second", 109.5) if scenario == "Offline" else ("early_stopping_latency_ss", 13500000)
    )
    path.write_text(text.replace(f'"{key}", "value": {value}', f'"{key}", "value": {value * score}'), "utf-8")
    (folder / "mlperf_log_summary.txt").write_text("No errors encountered during test.\n", "utf-8")
    entries = ",\n".join(json.dumps({"seq_id": n, "qsl_idx": n, "data": f"{n:08X}"}) for n in range(5, 400))
    (folder / "mlperf_log_accuracy.json").write_text(f"[\n{entries}\n]\n" if test == "TEST01" else "[\n]\n", "utf-8")
    return folder


def closed_results(results: Path) -> None:
    """Write both scenarios of the closed division's bert-99, each with its compliance tests."""
    for scenario in ("SingleStream", "Offline"):
        result = foreign(results, "bert-99", scenario)
        for test in ("TEST01", "TEST05"):
            compliance_run(result, test, scenario)


def closed_tree(folder: Path) -> Path:
    """Write a tree of the closed division; return the submitter's folder."""
    closed_results(folder / "results")
    describe = lambda *_: system("closed", "Example")  # noqa: E731 - one expression
    return generate(
        SubmissionRequest(folder / "results", folder / "closed", "Example", "closed", RULES, describe)
    ).folder
