"""LoadGen's logs become values; logs that are cut off or corrupt are refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from results_logs import log_line, write_logs

from mlperf_home.loadgen_logs.run_log import LogError, read_run
from mlperf_home.loadgen_logs.verdict import explain_errors

if TYPE_CHECKING:
    from pathlib import Path


def reasons(folder: Path, scenario: str, **changes: Any) -> tuple[str, ...]:
    write_logs(folder, scenario=scenario, changes={"result_validity": "INVALID"} | changes)
    return read_run(folder).reasons


def test_a_valid_run_is_read(tmp_path: Path) -> None:
    write_logs(tmp_path)
    run = read_run(tmp_path)
    assert (run.scenario, run.mode, run.validity, run.reasons) == ("Offline", "PerformanceOnly", "VALID", ())
    assert run.values["result_samples_per_second"] == 40.5
    assert run.percentiles_ns == {"90.00": 606_000_000_000}
    assert run.seeds["qsl_rng_seed"] == 148687905518835231
    assert run.settings["min_duration_ms"] == 600000
    assert (run.errors, run.warnings) == ((), ("a warning",))
    assert run.query_count == 1


def test_an_accuracy_run_has_no_verdict(tmp_path: Path) -> None:
    write_logs(tmp_path, mode="AccuracyOnly")
    assert read_run(tmp_path).validity is None


def test_multi_stream_reads_latencies_per_query(tmp_path: Path) -> None:
    changes = {
        "result_99.00_percentile_per_query_latency_ns": 80,
        "result_99.00_percentile_latency_ns": 10,
        "result_mean_query_latency_ns": 70,
        "result_mean_latency_ns": 9,
    }
    write_logs(tmp_path, scenario="MultiStream", changes=changes)
    run = read_run(tmp_path)
    assert (run.percentiles_ns, run.mean_latency_ms) == ({"99.00": 80}, 70e-6)


def test_the_peak_rate_of_a_search_is_read(tmp_path: Path) -> None:
    message = "FindPeakPerformance: Found peak performance field: 117.25"
    write_logs(tmp_path, mode="FindPeakPerformance", scenario="Server", changes={"generic_message": message})
    assert read_run(tmp_path).peak_qps == 117.25


def test_a_short_offline_run_names_the_measured_rate(tmp_path: Path) -> None:
    (text,) = reasons(tmp_path, "Offline", result_min_duration_met=False, result_max_latency_ns=8_000_000_000)
    assert "ended after 8.0 s instead of 600 s" in text
    assert "raise target_qps to the measured 40.5" in text


def test_a_short_single_stream_run_names_a_lower_latency(tmp_path: Path) -> None:
    (text,) = reasons(tmp_path, "SingleStream", result_min_duration_met=False, result_mean_latency_ns=50_000_000)
    assert "lower target_latency to 20 ms" in text


def test_a_slow_server_run_names_the_latency_limit(tmp_path: Path) -> None:
    (text,) = reasons(
        tmp_path,
        "Server",
        result_perf_constraints_met=False,
        early_stopping_met=False,
        effective_target_latency_ns=130_000_000,
        **{"result_99.00_percentile_latency_ns": 200_000_000},
    )
    assert text == ("the 99th percentile latency (200.0 ms) is above the limit of 130 ms: lower target_qps from 100")


def test_too_few_queries_are_explained(tmp_path: Path) -> None:
    texts = reasons(
        tmp_path,
        "SingleStream",
        result_min_queries_met=False,
        early_stopping_met=False,
        early_stopping_result=" * Only processed 10 queries.\n * Need to process at least 64 queries.",
    )
    assert "raise max_duration or lower min_query_count" in texts[0]
    assert "Only processed 10 queries. Need to process at least 64 queries. Raise min_query_count" in texts[1]


def test_an_invalid_run_may_have_no_reason(tmp_path: Path) -> None:
    assert reasons(tmp_path, "Offline") == ("LoadGen gives no reason",)


def test_error_lines_are_explained() -> None:
    ran_out = ["Ending early: Ran out of generated queries to issue before ..."]
    text = explain_errors("SingleStream", ran_out, {"result_mean_latency_ns": 10_000_000})
    assert text.endswith("lower target_latency to 4 ms, 0.4 of the measured mean")
    assert explain_errors("Offline", ran_out, {}).endswith("raise target_qps")
    below = ["FindPeakPerformance: Initial lower bound does not satisfy performance constraints, msg: ..."]
    assert "lower target_qps" in explain_errors("Server", below, {})
    assert explain_errors("Offline", ["x\ny", "z"], {}) == "LoadGen reports an error: x y (and 1 more)"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mlperf_log_detail.txt", "", "the run was interrupted"),
        ("mlperf_log_detail.txt", ':::MLLOG {"a":' + "[" * 100_000, "line 1: is not a line of a LoadGen log"),
        *(
            (
                "mlperf_log_detail.txt",
                log_line("x", 1) + log_line(key, 1).replace('"value": 1', f'"value": {value}'),
                "line 2: is not a line of a LoadGen log",
            )
            for key in ("result_mean_latency_ns", "result_samples_per_second", "effective_min_duration_ms")
            for value in ("NaN", "Infinity", "1e999", "9" * 31)
        ),
        ("mlperf_log_detail.txt", log_line("x", 1).replace('"x"', "[1]"), "line 1: is not a line of a LoadGen log"),
        ("mlperf_log_detail.txt", ':::MLLOG {"key": "loadgen_ver', "line 1: is not a line of a LoadGen log"),
        ("mlperf_log_detail.txt", "hello\n", "corrupt or mixes two runs"),
        ("mlperf_log_detail.txt", ':::MLLOG {"value": 1}\n', "corrupt or mixes two runs"),
        ("mlperf_log_summary.txt", "MLPerf Results Summary\n", "the last line is missing"),
        ("mlperf_log_accuracy.json", '[\n{ "seq_id" : 0,', "the list has no end"),
        ("mlperf_log_accuracy.json", "", "the list has no end"),
    ],
)
def test_a_broken_log_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    write_logs(tmp_path, mode="AccuracyOnly")
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(LogError, match=words):
        read_run(tmp_path)


@pytest.mark.parametrize("name", ["mlperf_log_detail.txt", "mlperf_log_summary.txt", "mlperf_log_accuracy.json"])
def test_an_absent_log_is_refused(tmp_path: Path, name: str) -> None:
    write_logs(tmp_path, mode="AccuracyOnly")
    (tmp_path / name).unlink()
    with pytest.raises(LogError, match="cannot be read"):
        read_run(tmp_path)


@pytest.mark.parametrize("key", ["result_validity", "num_errors", "power_end", "effective_schedule_rng_seed"])
def test_a_detail_log_without_its_end_is_refused(tmp_path: Path, key: str) -> None:
    write_logs(tmp_path, changes={key: None})
    with pytest.raises(LogError, match=f"{key} is missing"):
        read_run(tmp_path)


@pytest.mark.parametrize("value", [True, "1", None, [1], {}])
@pytest.mark.parametrize("key", ["result_mean_latency_ns", "result_samples_per_second", "effective_min_duration_ms"])
def test_a_result_whose_numbers_are_none_is_refused(tmp_path: Path, key: str, value: object) -> None:
    write_logs(tmp_path)
    with (tmp_path / "mlperf_log_detail.txt").open("a") as file:
        file.write(log_line(key, value))

    with pytest.raises(LogError, match=rf"mlperf_log_detail\.txt: {key} is .*, not a number; run"):
        read_run(tmp_path)
