"""Good submissions to the rounds since v5.1, synthesised from recorded logs: their figures are no measurements.

Each tree says so in its READMEs, its description of the system and its logs. The paths are written here by hand, so
that a test compares them with those of the round's data.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from old_round import old_summary

from mlperf_home.rules import mlperf_conf

if TYPE_CHECKING:
    from mlperf_home.rules import Round

SYNTHESISED = "SYNTHESISED from recorded logs for a test: no measurement"
SUT = "box-reference-cpu-openvino-v2026.1.0-default_config"
SUBMITTER = "Example"
MOBILENET = "mobilenet-v1-precision_float-1.0-224"
SPARSE_BERT = "obert-large-pruned95_quant-none-bert-99"
_RECORDED = (
    Path(__file__).parents[1] / "fixtures" / "home-0.1" / "home" / "results" / "sample_results"
    / "example-reference-cpu-litert-v2.3.0-default_config" / "mobilenet_0.50_64_int8" / "singlestream"
)  # fmt: skip
_SAMPLES = 27_500
_OFFLINE_NS = 601_000_000_000
_PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
_ACCURACY = {
    "bert-99": "{'exact_match': 83.58, 'f1': 90.18}".replace("'", '"'),
    "bert-99.9": '{"exact_match": 83.98, "f1": 90.874}',
    "resnet": "accuracy=76.456%, good=38228, total=50000",
}
_TESTS = {"bert-99": ("TEST01",), "bert-99.9": ("TEST01",), "resnet": ("TEST01", "TEST04")}
_AUDIT = {
    "TEST01": {
        "accuracy_log_rng_seed": 720381539243781796, "accuracy_log_sampling_target": 4096,
    },
    "TEST04": {"performance_issue_same": True, "performance_issue_same_index": 3},
}  # fmt: skip
CLOSED = (
    *(("bert-99", "bert-99", each) for each in ("SingleStream", "Offline")),
    *(("bert-99.9", "bert-99.9", each) for each in ("SingleStream", "Offline")),
    *(("resnet50", "resnet", each) for each in ("SingleStream", "MultiStream", "Offline")),
)
OPEN = (
    *((SPARSE_BERT, "bert-99", each) for each in ("SingleStream", "Offline")),
    *((MOBILENET, "resnet", each) for each in ("SingleStream", "MultiStream", "Offline")),
    ("resnet50", "resnet", "Offline"),
)


@dataclass(frozen=True)
class TreeOfRound:
    """Where a result's files stand in the tree of a round, below the submitter's folder."""

    rules: Round
    sut: str
    model: str
    scenario: str

    @property
    def merged(self) -> bool:
        """Whether the measurement files and the tests stand among the results."""
        return self.rules.name not in {"v3.0", "v3.1", "v4.0", "v5.1"}

    @property
    def _tail(self) -> str:
        return f"{self.sut}/{self.model}/{self.scenario if self.merged else self.scenario.lower()}"

    @property
    def results(self) -> str:
        return f"results/{self._tail}"

    @property
    def measurements(self) -> str:
        return self.results if self.merged else f"measurements/{self._tail}"

    @property
    def compliance(self) -> str:
        return self.results if self.merged else f"compliance/{self._tail}"

    @property
    def result_json(self) -> str:
        return f"{self.measurements}/{'measurements' if self.merged else self.sut}.json"

    @property
    def performance(self) -> str:
        return f"{self.results}/performance/run_1"

    @property
    def accuracy(self) -> str:
        return f"{self.results}/accuracy"

    @property
    def source(self) -> str:
        return "src" if self.merged else f"code/{self.model}"


@cache
def recorded(run: str) -> tuple[tuple[str, Any, dict[str, Any]], ...]:
    """Return key, value and flags of each line of a recorded detail log, in its order."""
    lines = (_RECORDED / run / "mlperf_log_detail.txt").read_text("utf-8").splitlines()
    entries = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]
    return tuple((each["key"], each["value"], each["metadata"]) for each in entries if each["key"] != "generic_message")


def _settings(rules: Round, scenario: str, mode: str, benchmark: str) -> dict[str, Any]:
    known, limits = rules.submitted_benchmarks[benchmark], rules.scenarios[scenario]
    offline = scenario == "Offline"
    queries = 1 if offline else limits.min_query_count
    both = {
        "scenario": scenario, "test_mode": mode, "min_duration_ms": 600000,
        **{name: getattr(rules.seeds, name) for name in vars(rules.seeds)},
    }  # fmt: skip
    effective = {
        "samples_per_query": _SAMPLES if offline else limits.samples_per_query,
        "target_qps": 41.6 if offline else 14026.4, "target_latency_percentile": 0.99 if offline else
        limits.target_latency_percentile / 100, "target_duration_ms": 660000 if offline else 600000,
        "min_query_count": queries, "min_sample_count": _SAMPLES if offline else queries,
        "performance_sample_count": known.performance_sample_count,
        "accuracy_sample_count": known.dataset_sample_count,
    }  # fmt: skip
    requested = {
        "min_query_count": rules.min_query_count(scenario, benchmark),
        "performance_sample_count_override": known.performance_sample_count,
    }
    values = {f"requested_{key}": value for key, value in (both | requested).items()}
    values |= {f"effective_{key}": value for key, value in (both | effective).items()}
    if scenario == "MultiStream":
        values["requested_multi_stream_expected_latency_ns"] = 71294
    if offline:
        values["requested_offline_expected_qps"] = 41.6
    counts = {"qsl_reported_total_count": known.dataset_sample_count}
    return values | counts | {"qsl_reported_performance_count": known.performance_sample_count}


def _results(scenario: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the results of a scenario, from those of the recorded SingleStream run."""
    if scenario == "SingleStream":
        return {}
    gone = ("result_qps_with_loadgen_overhead", "result_qps_without_loadgen_overhead", "early_stopping_latency_ss")
    found: dict[str, Any] = dict.fromkeys(gone)
    if scenario == "Offline":
        found |= {"result_query_count": 1, "result_samples_per_second": _SAMPLES * 1e9 / _OFFLINE_NS}
        found |= {"early_stopping_latency_ms": None, "early_stopping_result": " * Run successful."}
        found |= {f"result_{each}_percentile_latency_ns": int(float(each) * 6e9) for each in _PERCENTILES}
        least, mean = 9_000_000, 300_000_000_000
        return found | {
            "result_min_latency_ns": least, "result_max_latency_ns": _OFFLINE_NS, "result_mean_latency_ns": mean,
        }  # fmt: skip
    estimate = values["early_stopping_latency_ms"]
    found["early_stopping_result"] = (
        f" * Processed at least 662 queries ({values['result_query_count']}).  * Would discard 209 highest latency "
        f"queries.  * Early stopping 99.0th percentile estimate: {estimate}"
    )
    for name in ("min", "max", "mean"):
        found[f"result_{name}_query_latency_ns"] = values[f"result_{name}_latency_ns"]
    for each in _PERCENTILES:
        found[f"result_{each}_percentile_per_query_latency_ns"] = values[f"result_{each}_percentile_latency_ns"]
    return found


def write_run(folder: Path, rules: Round, scenario: str, mode: str, benchmark: str, **changes: Any) -> None:
    """Write the logs of a run; `changes` are effective settings."""
    run = "performance/run_1" if mode == "PerformanceOnly" else "accuracy"
    base = {key: value for key, value, _ in recorded(run)}
    flags = {key: metadata for key, _, metadata in recorded(run)}
    values = base | _settings(rules, scenario, mode, benchmark)
    if mode == "PerformanceOnly":
        values |= _results(scenario, base)
    values |= {f"effective_{key}": value for key, value in changes.items()}
    if scenario != "SingleStream":
        values = {key: value for key, value in values.items() if "single_stream" not in key}
    values = {key: value for key, value in values.items() if value is not None}
    folder.mkdir(parents=True)
    # No two runs have equal logs.
    lines = [mllog("generic_message", f"{SYNTHESISED}: {'/'.join(folder.parts[-6:])}", flags["sut_name"])]
    # The last key ends the log.
    last = {key: values.pop(key) for key in ("num_errors",) if key in values}
    lines += [mllog(key, value, flags.get(key, flags["sut_name"])) for key, value in (values | last).items()]
    (folder / "mlperf_log_detail.txt").write_text("".join(lines), "utf-8")
    summary = old_summary(values) if mode == "PerformanceOnly" else "\nNo errors encountered during test.\n"
    (folder / "mlperf_log_summary.txt").write_text(summary, "utf-8")


def mllog(key: str, value: Any, metadata: dict[str, Any] | None = None, **flags: bool) -> str:
    """Return a line of a detail log as LoadGen 6 writes it."""
    entry = {"key": key, "value": value, "time_ms": 0.024884, "namespace": "mlperf::logging"}
    known = metadata or {"is_error": False, "is_warning": False, "file": "x.cc", "line_no": 1, "pid": 1, "tid": 1}
    return ":::MLLOG " + json.dumps(entry | {"event_type": "POINT_IN_TIME", "metadata": known | flags}) + "\n"


def write_accuracy(folder: Path, benchmark: str, *, entries: int = 500) -> None:
    """Write a truncated accuracy log and accuracy.txt into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    log = ",\n".join(json.dumps({"seq_id": n, "qsl_idx": n, "data": f"{n:08X}"}) for n in range(entries))
    content = f"[\n{log}\n]\n".encode()
    (folder / "mlperf_log_accuracy.json").write_bytes(content[:4096] + b"\n\n...\n\n" + content[-4096:])
    text = f"{_ACCURACY[benchmark]}\nhash={hashlib.sha256(content).hexdigest()}\n"
    (folder / "accuracy.txt").write_text(text, "utf-8")


def write_result(submitter: Path, rules: Round, model: str, benchmark: str, scenario: str, *, closed: bool) -> None:
    """Write a result with its measurement files and, in the closed division, its compliance tests."""
    place = TreeOfRound(rules, SUT, model, scenario)
    write_run(submitter / place.performance, rules, scenario, "PerformanceOnly", benchmark)
    write_run(submitter / place.accuracy, rules, scenario, "AccuracyOnly", benchmark)
    write_accuracy(submitter / place.accuracy, benchmark)
    write_measurement_files(submitter, place, benchmark)
    for test in _TESTS[benchmark] if closed else ():
        folder = submitter / place.compliance / test
        write_run(folder / "performance" / "run_1", rules, scenario, "PerformanceOnly", benchmark, **_AUDIT[test])
        (folder / "verify_performance.txt").write_text(f"{SYNTHESISED}\nTEST PASS\n", "utf-8")
        if test == "TEST01":
            (folder / "verify_accuracy.txt").write_text(f"{SYNTHESISED}\nTEST PASS\n", "utf-8")
            write_accuracy(folder / "accuracy", benchmark)


def write_measurement_files(submitter: Path, place: TreeOfRound, benchmark: str, inferred_from: str = "") -> None:
    """Write user.conf, mlperf.conf, README.md and the JSON of a result."""
    folder = submitter / place.measurements
    folder.mkdir(parents=True, exist_ok=True)
    run = inferred_from or place.scenario
    target = "target_qps = 41.6" if run == "Offline" else "target_latency = 0.071294"
    name = place.rules.submitted_benchmarks[benchmark].loadgen_model
    (folder / "user.conf").write_text(f"{name}.{run}.{target}\n{name}.{run}.min_duration = 600000\n", "utf-8")
    (folder / "mlperf.conf").write_text(mlperf_conf(place.rules), "utf-8")
    (folder / "README.md").write_text(f"{SYNTHESISED}.\n", "utf-8")
    fields = dict.fromkeys(place.rules.submission.measurement_fields, "fp32")
    fields |= {"inferred_from": inferred_from} if inferred_from else {}
    (submitter / place.result_json).write_text(json.dumps(fields), "utf-8")


def write_inferred(submitter: Path, rules: Round, model: str, benchmark: str, scenario: str, measured: str) -> None:
    """Copy a result into a scenario that may be inferred from it."""
    source, target = TreeOfRound(rules, SUT, model, measured), TreeOfRound(rules, SUT, model, scenario)
    for part in ("performance", "accuracy"):
        shutil.copytree(submitter / source.results / part, submitter / target.results / part)
    write_measurement_files(submitter, target, benchmark, inferred_from=measured)


def describe(rules: Round, division: str) -> dict[str, str]:
    """Return the description of a system with every field."""
    fields = rules.submission.system
    values = dict.fromkeys(fields.meaningful, "1") | dict.fromkeys(fields.present, "")
    values |= {"division": division, "submitter": SUBMITTER, "status": "available", "system_type": "edge"}
    if division == "network":
        values |= dict.fromkeys(rules.submission.network.fields, "x") | {"is_network": "true"}
    return values | {"sw_notes": SYNTHESISED}


def write_round_tree(root: Path, rules: Round, division: str = "open") -> Path:
    """Write a submission that keeps every rule of a round; return the submitter's folder."""
    submitter = root / division / SUBMITTER
    closed = division != "open"
    for model, benchmark, scenario in CLOSED if closed else OPEN:
        if not closed and model == MOBILENET and scenario != "SingleStream":
            write_inferred(submitter, rules, model, benchmark, scenario, "SingleStream")
        else:
            write_result(submitter, rules, model, benchmark, scenario, closed=closed)
        source = submitter / TreeOfRound(rules, SUT, model, scenario).source
        source.mkdir(parents=True, exist_ok=True)
        (source / "README.md").write_text(f"{SYNTHESISED}.\n", "utf-8")
    if division == "network":
        for log in submitter.rglob("mlperf_log_*.txt"):
            log.write_text(log.read_text("utf-8").replace("PyFastSUT", "Network SUT: PyFastSUT"), "utf-8")
    (submitter / "systems").mkdir()
    (submitter / "systems" / f"{SUT}.json").write_text(json.dumps(describe(rules, division)), "utf-8")
    (submitter / "documentation").mkdir()
    (submitter / "documentation" / "calibration.md").write_text(f"{SYNTHESISED}.\n", "utf-8")
    return submitter
