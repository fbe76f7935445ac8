"""A measurement tells how far its values may be off within the session, and whether the machine changed state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kept_times import add_kept, honest, kept, single_stream_result, two_states
from msgspec.structs import replace
from results_logs import load_session, save_session, write_result

from mlperf_home.contracts.runs.latencies import KeptLatencies, Kind, LatencyBlock, read_latencies
from mlperf_home.contracts.runs.session import IngestError
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import from_json, to_json
from mlperf_home.measurements.table import family_rows, summary_rows

if TYPE_CHECKING:
    from pathlib import Path


def counted(path: Path, kind: Kind = "completions") -> KeptLatencies:
    """Return kept latencies as mere completions."""
    document = read_latencies(path)
    blocks = tuple(LatencyBlock(count=each.count, sum_ns=0, histogram="") for each in document.blocks)
    return replace(document, kind=kind, blocks=blocks)


def test_every_latency_has_an_interval_of_the_session(tmp_path: Path) -> None:
    measurement = ingest(single_stream_result(tmp_path, honest()))
    values = measurement.values
    for name in ("latency_ms", "mean_latency_ms", "latency_p50.00_ms", "latency_p90.00_ms", "latency_p99.00_ms"):
        low, value, high = (values[f"{prefix}{name}"] for prefix in ("low_", "", "high_"))
        assert low.number is not None
        assert value.number is not None
        assert high.number is not None
        assert 0.97 * value.number < low.number <= value.number <= high.number < 1.03 * value.number
        assert low.origin == "inferred"
        assert "block bootstrap, 95%" in str(low.reason)
        assert "this session only" in str(low.reason)
    assert from_json(to_json(measurement)) == measurement


def test_offline_has_an_interval_of_its_rate(tmp_path: Path) -> None:
    root = write_result(tmp_path)
    add_kept(root, kept(honest(24_576), "latencies"))
    path = root / "performance" / "run_1" / "latencies.json"
    add_kept(root, counted(path))
    values = ingest(root).values
    low, rate, high = (values[f"{prefix}samples_per_second"].number for prefix in ("low_", "", "high_"))
    assert low is not None
    assert high is not None
    assert rate is not None
    assert low < rate < high


def test_sorted_samples_have_neither_interval_nor_states(tmp_path: Path) -> None:
    root = write_result(tmp_path)
    add_kept(root, kept(two_states(), "latencies"))
    add_kept(root, counted(root / "performance" / "run_1" / "latencies.json", "sorted completions"))
    values = ingest(root).values
    assert "long samples come first" in str(values["changed_state"].reason)
    assert "low_samples_per_second" not in values


def test_a_run_with_two_states_is_marked(tmp_path: Path) -> None:
    measurement = ingest(single_stream_result(tmp_path, two_states()))
    values = measurement.values
    assert (values["changed_state"].value, values["noisy"].value) == ("yes", "yes")
    assert values["slow_state_percent"].value == pytest.approx(30, abs=2)
    assert values["slow_state_s"].value == pytest.approx(3.9, abs=0.3)
    (warning,) = (each for each in measurement.warnings if each.startswith("noisy: "))
    assert warning.startswith("noisy: the machine changed state during this run: 30 % slower for ")
    assert ("Changed its state", "yes") in summary_rows(measurement)


def test_an_honest_run_is_not_marked(tmp_path: Path) -> None:
    measurement = ingest(single_stream_result(tmp_path, honest()))
    assert (measurement.values["changed_state"].value, measurement.values["noisy"].value) == ("no", "no")
    assert not [each for each in measurement.warnings if each.startswith("noisy")]


def test_tables_say_that_an_interval_is_of_the_session(tmp_path: Path) -> None:
    measurement = ingest(single_stream_result(tmp_path, honest()), model_name="m")
    rows = dict(summary_rows(measurement))
    assert rows["Latency (ms)"].endswith(", this session)")
    assert "this session)" in family_rows([measurement])[0][1]


def test_a_result_without_kept_times_is_read(tmp_path: Path) -> None:
    measurement = ingest(write_result(tmp_path))
    assert measurement.values["changed_state"].origin == "unknown"
    assert measurement.values["changed_state"].reason == "the run kept no latencies"
    assert not [name for name in measurement.values if name.startswith(("low_", "high_"))]


def test_a_short_run_has_no_intervals(tmp_path: Path) -> None:
    values = ingest(single_stream_result(tmp_path, honest(300))).values
    assert "too short to tell" in str(values["changed_state"].reason)
    assert "low_latency_ms" not in values


def test_damaged_times_name_file_and_place(tmp_path: Path) -> None:
    root = single_stream_result(tmp_path, honest(2000))
    path = root / "performance" / "run_1" / "latencies.json"
    text = path.read_text().replace('"kind":"periods"', '"kind":"completions"')
    path.write_text(text)
    with pytest.raises(IngestError, match="does not match the session"):
        ingest(root)
    session = load_session(root, "performance")
    del session["logs"]["latencies.json"]
    save_session(root, "performance", session)
    assert ingest(root).values["changed_state"].origin == "unknown"
