"""A submission to v3.0 in the shape that LoadGen 3.0 and the tools of 2023 gave it, synthesized: no published file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from submission_tree import log_line

from mlperf_home.rules import load_round, mlperf_conf

if TYPE_CHECKING:
    from pathlib import Path

OLD_RULES = load_round("v3.0")
OLD_SUT = "box-tflite_cpp-cpu-tflite-vmaster-default_config"
_PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
_LATENCY_NS = dict(
    zip(_PERCENTILES, (10_000_000, 11_000_000, 11_500_000, 12_000_000, 13_000_000, 15_000_000), strict=True)
)
_HEADLINE = "result_99.00_percentile_per_query_latency_ns"
_QUERIES = 65_000
_SAMPLES = 66_000
_COUNTS_ERRORS = ("5.0.16", "5.1", "6.0.17")


def old_values(scenario: str, mode: str, benchmark: str, version: str = "3.0") -> dict[str, Any]:
    """Return what the detail log of a run holds, by key; `version` is LoadGen's."""
    rules = OLD_RULES.scenarios[scenario]
    known = OLD_RULES.submitted_benchmarks[benchmark]
    settings: dict[str, Any] = {
        "scenario": scenario,
        "test_mode": mode,
        "samples_per_query": _SAMPLES if scenario == "Offline" else rules.samples_per_query,
        "target_qps": 100.5 if scenario == "Server" else 110.25,
        "target_latency_ns": 15_000_000 if scenario == "Server" else 0,
        "target_latency_percentile": rules.target_latency_percentile / 100 if scenario != "Offline" else 0.99,
        "max_async_queries": 1,
        "min_duration_ms": 600000,
        "max_duration_ms": 0,
        "min_query_count": 1 if scenario == "Offline" else 40326,
        "max_query_count": 40366,
        **vars(OLD_RULES.seeds),
        "accuracy_log_rng_seed": 0,
        "print_timestamps": False,
        "performance_issue_same": False,
        "performance_sample_count": known.performance_sample_count,
    }
    requested: dict[str, Any] = {
        "min_query_count": 40326,
        "max_query_count": 40366,
        "performance_sample_count_override": 0,
    }
    if scenario in {"SingleStream", "MultiStream"}:
        name = "single_stream" if scenario == "SingleStream" else "multi_stream"
        requested[f"{name}_expected_latency_ns"] = 5998830.0
    values: dict[str, Any] = {
        "loadgen_version": f"{version} @ f536725011",
        "test_datetime": "2023-02-26T04:08:44Z",
        "sut_name": "TFLite_SUT",
    }
    values |= {"qsl_reported_total_count": known.dataset_sample_count}
    values |= {f"requested_{key}": value for key, value in requested.items()}
    values |= {f"effective_{key}": value for key, value in settings.items()}
    values |= {"effective_accuracy_sample_count": known.dataset_sample_count}
    values |= {"power_begin": "02-26-2023 04:08:44.109", "power_end": "02-26-2023 04:19:49.008"}
    if mode == "PerformanceOnly":
        values |= _results(scenario)
        values |= {"num_errors": 0} if version in _COUNTS_ERRORS else {}
    return values


def _results(scenario: str) -> dict[str, Any]:
    multi = scenario == "MultiStream"
    values: dict[str, Any] = {
        "result_validity": "VALID", "result_min_duration_met": True, "result_min_queries_met": True,
        "early_stopping_met": True, "result_query_count": 1 if scenario == "Offline" else _QUERIES,
    }  # fmt: skip
    estimates = {"SingleStream": ((90, 11_000_400), (99, 13_000_700)), "MultiStream": ((99, 13_000_700),)}.get(
        scenario, ()
    )
    sentences = [f" * Early stopping {percentile}th percentile estimate: {each}" for percentile, each in estimates]
    if estimates:
        sentences.insert(
            0, f" * Processed at least 64 queries ({_QUERIES}).  * Would discard 9 highest latency queries."
        )
    values["early_stopping_result"] = " ".join(sentences) if estimates else " * Run successful."
    if scenario == "SingleStream":
        values |= {"result_qps_with_loadgen_overhead": 98.75, "result_qps_without_loadgen_overhead": 99.0099}
        values |= {"early_stopping_latency_ss": 11_000_400, "early_stopping_latency_ms": 13_000_700}
    if multi:
        values |= {"early_stopping_latency_ms": 13_000_700}
    if scenario == "Server":
        values |= {"result_scheduled_samples_per_sec": 100.25, "result_completed_samples_per_sec": 100.125}
    least, most, mean = 9_000_000, 20_000_000, 10_100_000
    latencies = dict(_LATENCY_NS)
    if scenario == "Offline":
        least, most, mean = 9_000_000, 600_000_000_000, 300_000_000_000
        latencies = {each: int(float(each) * 5_900_000_000) for each in _PERCENTILES}
        values["result_samples_per_second"] = 110.0
    if multi:
        values |= {
            f"result_{name}_query_latency_ns": ns for name, ns in (("min", least), ("max", most), ("mean", mean))
        }
        values |= {f"result_{each}_percentile_per_query_latency_ns": ns for each, ns in latencies.items()}
    values |= {f"result_{name}_latency_ns": ns for name, ns in (("min", least), ("max", most), ("mean", mean))}
    return values | {f"result_{each}_percentile_latency_ns": ns for each, ns in latencies.items()}


def old_summary(values: dict[str, Any]) -> str:
    """Return the summary of a performance run with these values, in LoadGen's layout."""
    scenario = values["effective_scenario"]
    query = "_query" if scenario == "MultiStream" else ""
    kind = "per_query_latency" if query else "latency"
    said = (
        values["early_stopping_result"].replace("  *", "\n *").replace(". *", ".\n *").replace(" * Early", "\n * Early")
    )
    met = {True: "Yes", False: "NO"}
    lines = [
        "=" * 48, "MLPerf Results Summary", "=" * 48, f"SUT name : {values['sut_name']}", f"Scenario : {scenario}",
        f"Mode     : {values['effective_test_mode']}",
        {
            "SingleStream": f"90th percentile latency (ns) : {values['result_90.00_percentile_latency_ns']}",
            "MultiStream": f"99th percentile latency (ns) : {values.get(_HEADLINE)}",
            "Offline": f"Samples per second: {values.get('result_samples_per_second')}",
            "Server": f"Scheduled samples per second : {values.get('result_scheduled_samples_per_sec'):.2f}"
            if scenario == "Server" else "",
        }[scenario],
        f"Result is : {values['result_validity']}",
        f"  Min duration satisfied : {met[values['result_min_duration_met']]}",
        f"  Min queries satisfied : {met[values['result_min_queries_met']]}",
        f"  Early stopping satisfied: {met[values['early_stopping_met']]}",
        *(["Early Stopping Result:", said] if scenario != "Offline" else []),
        "", "=" * 48, "Additional Stats", "=" * 48,
    ]  # fmt: skip
    if scenario == "SingleStream":
        lines.append(f"QPS w/ loadgen overhead         : {values['result_qps_with_loadgen_overhead']:.2f}")
        lines.append(f"QPS w/o loadgen overhead        : {values['result_qps_without_loadgen_overhead']:.2f}")
    if scenario == "Server":
        lines.append(f"Completed samples per second    : {values['result_completed_samples_per_sec']:.2f}")
    lines += ["Per-query latency:  "] if query else [""]
    lines += [
        f"{name.capitalize()} latency (ns)                : {values[f'result_{name}{query}_latency_ns']}"
        for name in ("min", "max", "mean")
    ]
    lines += [
        f"{each} percentile latency (ns)   : {values[f'result_{each}_percentile_{kind}_ns']}" for each in _PERCENTILES
    ]
    lines += ["", "=" * 48, "Test Parameters Used", "=" * 48]
    shown = {
        "target_latency_ns": "target_latency (ns)",
        "min_duration_ms": "min_duration (ms)",
        "max_duration_ms": "max_duration (ms)",
    }
    for key, value in values.items():
        name = key.removeprefix("effective_")
        if name != key and name not in {"scenario", "test_mode", "target_latency_percentile", "accuracy_sample_count"}:
            lines.append(f"{shown.get(name, name)} : {int(value) if isinstance(value, bool) else value}")
    return "\n".join([*lines, "", "No warnings encountered during test.", "", "No errors encountered during test.", ""])


def write_old_run(folder: Path, values: dict[str, Any]) -> None:
    """Write the logs of a run with these values."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlperf_log_detail.txt").write_text("".join(log_line(*each) for each in values.items()), "utf-8")
    performance = values["effective_test_mode"] == "PerformanceOnly"
    summary = old_summary(values) if performance else "\nNo errors encountered during test.\n"
    (folder / "mlperf_log_summary.txt").write_text(summary, "utf-8")
    (folder / "mlperf_log_accuracy.json").write_text("[\n]\n", "utf-8")


def write_old_result(
    submitter: Path, model: str, scenario: str, benchmark: str, *, accuracy: str, user_conf: str
) -> Path:
    """Write one result with its measurement files; return the folder of its performance run."""
    where = f"{OLD_SUT}/{model}/{scenario.lower()}"
    results, measurements = submitter / "results" / where, submitter / "measurements" / where
    for mode, folder in (
        ("PerformanceOnly", results / "performance" / "run_1"),
        ("AccuracyOnly", results / "accuracy"),
    ):
        values = old_values(scenario, mode, benchmark)
        values["test_datetime"] += f" {model} {scenario}"
        write_old_run(folder, values)
    log = results / "accuracy" / "mlperf_log_accuracy.json"
    log.write_text(f'[\n{{ "seq_id" : 0, "qsl_idx" : 0, "data" : "{len(model):08X}" }}\n]\n', "utf-8")
    (log.parent / "accuracy.txt").write_text(
        f"{accuracy}\nhash={hashlib.sha256(log.read_bytes()).hexdigest()}\n", "utf-8"
    )
    measurements.mkdir(parents=True)
    (measurements / "mlperf.conf").write_text(mlperf_conf(OLD_RULES), "utf-8")
    (measurements / "user.conf").write_text(user_conf, "utf-8")
    (measurements / "README.md").write_text("cmr 'generate-run-cmds inference'\n", "utf-8")
    fields = dict.fromkeys(OLD_RULES.submission.measurement_fields, "fp32") | {"retraining": ""}
    (measurements / f"{OLD_SUT}.json").write_text(json.dumps(fields), "utf-8")
    code = submitter / "code" / model
    code.mkdir(parents=True, exist_ok=True)
    (code / "README.md").write_text("x\n", "utf-8")
    return results / "performance" / "run_1"


def add_power(run: Path) -> None:
    """Add the power meter's logs and the ranging run beside a performance run."""
    ranging, power = run.with_name("ranging"), run.with_name("power")
    ranging.mkdir()
    power.mkdir()
    for folder in (run, ranging):
        (folder / "spl.txt").write_text("Time,02-26-2023 04:09:00.000,Watts,12.5\n", "utf-8")
    for name in ("mlperf_log_summary.txt", "mlperf_log_detail.txt"):
        (ranging / name).write_bytes((run / name).read_bytes())
    for name in OLD_RULES.submission.files.power:
        (power / name).write_text("{}\n", "utf-8")


def write_old_tree(root: Path) -> Path:
    """Write a submission to v3.0 with all that its checker takes; return the submitter's folder."""
    submitter = root / "open" / "Example"
    stream = "target_latency = 5.998834\n{0}.max_query_count = 40366\n{0}.min_query_count = 40326\n"
    own = f"efficientnet.SingleStream.{stream.format('efficientnet.SingleStream')}"
    images = "accuracy=75.068%, good=37534, total=50000"
    run = write_old_result(
        submitter, "efficientnet-fp32-lite0", "SingleStream", "resnet", accuracy=images, user_conf=own
    )
    add_power(run)
    own = f"resnet50.MultiStream.{stream.format('resnet50.MultiStream')}resnet50.MultiStream.samples_per_query = 8\n"
    write_old_result(submitter, "resnet50", "MultiStream", "resnet", accuracy=images, user_conf=own)
    own = "*.Offline.target_qps = 110.25\n"
    own += "*.*.min_query_count = 40326\n*.*.max_query_count = 40366\n"
    write_old_result(
        submitter, "retinanet", "Offline", "retinanet", accuracy="mAP=37.573%\nfound 24781 results", user_conf=own
    )
    write_old_result(
        submitter, "rnnt", "Offline", "rnnt", accuracy="Word Error Rate: 7.4%, accuracy=92.6%", user_conf=own
    )
    scores = "Running...\nAccuracy: mean = 0.86242, kidney = 0.9350, tumor = 0.7898\nDone!"
    write_old_result(submitter, "3d-unet-99", "Offline", "3d-unet-99", accuracy=scores, user_conf=own)
    fields: dict[str, Any] = dict.fromkeys(OLD_RULES.submission.system.present, "")
    fields |= {"division": "open", "submitter": "Example", "status": "Available", "system_type": "datacenter,edge"}
    fields |= {"number_of_nodes": 1, "host_processor_vcpu_count": 8}
    (submitter / "systems").mkdir()
    (submitter / "systems" / f"{OLD_SUT}.json").write_text(json.dumps(fields), "utf-8")
    return submitter
