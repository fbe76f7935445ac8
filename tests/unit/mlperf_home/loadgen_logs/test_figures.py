"""Every figure of a run is compared between all places that tell it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from old_round import old_summary, old_values, write_old_run

from mlperf_home.loadgen_logs.figures import absent_figures, contradictions, summary_figures
from mlperf_home.loadgen_logs.run_log import LogError, read_run, scan_detail

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
MODE = "PerformanceOnly"


def told(logged: dict[str, Any], summary: str) -> set[str]:
    return {each.key for each in contradictions(logged, summary)}


def changed(line: str) -> str:
    """Change the last word of a line: a number, a flag or a name."""
    word = line.rsplit(maxsplit=1)[-1]
    other = {"Yes": "NO", "NO": "Yes", "VALID": "INVALID"}.get(word)
    if other is None:
        other = f"{float(word) * 1.01 + 1:g}" if re.fullmatch(r"[\d.]+", word) else f"{word}x"
    return line[: line.rindex(word)] + other


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_logs_of_one_run_agree(scenario: str) -> None:
    values = old_values(scenario, MODE, "resnet")

    assert told(values, old_summary(values)) == set()
    assert absent_figures(values, old_summary(values)) == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_changed_line_of_a_summary_is_told(scenario: str) -> None:
    values = old_values(scenario, MODE, "resnet")
    lines = old_summary(values).splitlines()
    figures = [n for n, line in enumerate(lines) if re.search(r":\s*\S+$", line) and not line.endswith(":")]

    silent = [
        lines[n] for n in figures if not told(values, "\n".join([*lines[:n], changed(lines[n]), *lines[n + 1 :]]))
    ]

    assert len(figures) > 25
    assert silent == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_removed_result_of_a_summary_is_told(scenario: str) -> None:
    values = old_values(scenario, MODE, "resnet")
    summary = old_summary(values)
    shown = {key for key, _ in summary_figures(summary, scenario) if not key.startswith("effective_")}

    for key in shown - {"result_query_count"}:
        kept = [line for line in summary.splitlines() if key not in dict(summary_figures(line, scenario))]
        assert absent_figures(values, "\n".join(kept)) == [key]


@pytest.mark.parametrize(
    ("scenario", "key", "value"),
    [
        ("SingleStream", "early_stopping_latency_ss", 11_500_000),
        ("SingleStream", "early_stopping_latency_ms", 13_500_000),
        ("MultiStream", "early_stopping_latency_ms", 13_500_000),
        ("SingleStream", "result_qps_without_loadgen_overhead", 99.5),
        ("SingleStream", "result_90.00_percentile_latency_ns", 11_600_000),
        ("SingleStream", "result_mean_latency_ns", 8_000_000),
        ("SingleStream", "result_query_count", 64),
        ("MultiStream", "result_99.00_percentile_per_query_latency_ns", 11_000_000),
        ("Offline", "result_samples_per_second", 120.0),
        ("Offline", "result_max_latency_ns", 500_000_000_000),
    ],
)
def test_a_figure_changed_in_both_logs_is_told(scenario: str, key: str, value: float) -> None:
    values = old_values(scenario, MODE, "resnet")
    sentence = values["early_stopping_result"]
    values[key] = value
    summary = old_summary(values)
    shown = dict(summary_figures(summary, scenario)).get(key)
    if shown and sentence and shown in sentence:
        # Estimates stand in the sentence that both logs repeat: the summary is changed there too.
        summary = summary.replace(shown, str(value))

    assert told(values, summary)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400, True, None, [], "x", {}])
def test_odd_values_are_told_and_stop_nothing(value: Any) -> None:
    values = old_values("SingleStream", MODE, "resnet")
    summary = old_summary(values)

    for key in values:
        list(contradictions({**values, key: value}, summary))
        absent_figures({**values, key: value}, summary)


def test_whole_rounds_of_samples_are_permitted() -> None:
    values = old_values("Offline", MODE, "3d-unet-99") | {"effective_samples_per_query": 24576}
    values["result_samples_per_second"] = round(24596 / 600, 4)  # 572 rounds of 43 samples

    assert told(values, "") == set()


@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1", "4.0", "v4.1", "5.0.11", "5.0.15", "5.0.16", "6.0.17"])
def test_complete_logs_of_each_version_are_read(tmp_path: Path, version: str) -> None:
    write_old_run(tmp_path, old_values("SingleStream", MODE, "resnet", version))

    assert read_run(tmp_path).validity == "VALID"


@pytest.mark.parametrize(("version", "last"), [("3.0", "result_99.90_percentile_latency_ns"), ("6.0.17", "num_errors")])
def test_a_log_without_its_last_line_is_interrupted(tmp_path: Path, version: str, last: str) -> None:
    values = old_values("SingleStream", MODE, "resnet", version)
    write_old_run(tmp_path, values)
    detail = tmp_path / "mlperf_log_detail.txt"
    kept = [line for line in detail.read_text("utf-8").splitlines() if f'"{last}"' not in line]
    detail.write_text("\n".join(kept), "utf-8")

    with pytest.raises(LogError, match=f"the run was interrupted: {re.escape(last)} is missing"):
        read_run(tmp_path)


@pytest.mark.parametrize("line", ['{"key": 5, "value": 1, "metadata": {"is_error": false}}', "[" * 100_000])
def test_a_line_that_is_no_entry_is_located(tmp_path: Path, line: str) -> None:
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_text(f":::MLLOG {line}\n", "utf-8")

    fault = scan_detail(path).fault

    assert fault is not None
    assert "line 1" in fault.where


def test_a_mean_beyond_64_bits_is_not_judged() -> None:
    values = old_values("Offline", MODE, "resnet") | {"effective_samples_per_query": 100_000_000}
    values["result_samples_per_second"] = 166_667.0

    assert told(values | {"result_mean_latency_ns": 1}, "") == set()


def test_an_empty_name_of_the_sut_is_no_figure() -> None:
    values = old_values("Offline", MODE, "resnet") | {"sut_name": ""}

    assert absent_figures(values, old_summary(values)) == []
