"""Importing recognises every form of results and rejects other paths with advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from results_logs import write_logs

from mlperf_home.measurements.imports.importing import ImportedPathError, ImportedResultError, read_any
from mlperf_home.measurements.imports.published import TableError
from mlperf_home.measurements.storage.store import Store

SHARED = Path(__file__).parents[6] / "shared" / "data" / "mlperf-results"
BERT = (
    "version,Division,Organization,Platform,SystemName,host_processor_model_name,host_processors_per_node,"
    "host_processor_core_count,framework,MlperfModel,Model,Scenario,Accuracy,Result,Result_Units"
)


def bert(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "bert.csv"
    path.write_text("\n".join([BERT, *(f"v3.1,open,Org,box,Box,CPU,1,16,DeepSparse,{row}" for row in rows)]) + "\n")
    return path


def test_a_table_of_bert_is_read_by_its_columns(tmp_path: Path) -> None:
    table = bert(
        tmp_path, "bert-99,obert,Offline,90.1,124.5,Samples/s", "bert-99,obert,SingleStream,None,9,Latency (ms)"
    )

    first, second = read_any(table, "v3.1", "", []).measurements

    assert (first.values["samples_per_second"].value, first.values["f1_percent"].value) == (124.5, 90.1)
    assert first.values["samples_per_second"].origin == "copied"
    assert second.values["f1_percent"].value is None
    assert first.system["cores"].value == 16


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("bert-99,obert,Offline,90.1,124.5,Furlongs", "line 2: Result_Units is 'Furlongs'"),
        ("bert-99,obert,Offline,good,124.5,Samples/s", "line 2: Accuracy is 'good', not a number"),
    ],
)
def test_an_error_in_a_cell_has_its_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        list(read_any(bert(tmp_path, row), "v3.1", "", []).measurements)


def test_a_path_without_results_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "logs" / "performance" / "run_1").mkdir(parents=True)

    for name, message in (
        ("absent", "does not exist"),
        ("empty", "holds no results"),
        ("logs", "add --benchmark=bert-99"),
    ):
        with pytest.raises(ImportedPathError, match=message):
            read_any(tmp_path / name, "v3.1", "", [])


def test_a_damaged_result_of_ours_is_reported(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "measurement.json").write_text("{")
    problems: list[str] = []

    assert list(read_any(tmp_path, "v3.1", "", problems).measurements) == []
    assert "one/measurement.json: is not JSON" in problems[0]


def test_logs_of_another_tool_are_found_at_any_depth(tmp_path: Path) -> None:
    write_logs(tmp_path / "box/resnet/Offline/performance/run_1")
    write_logs(tmp_path / "box/resnet/Offline/accuracy", mode="AccuracyOnly")
    write_logs(tmp_path / "box/resnet/SingleStream/performance/run_1", scenario="SingleStream")
    write_logs(tmp_path / "bare")
    write_logs(tmp_path / "cut/performance/run_1")
    (tmp_path / "cut/performance/run_1/mlperf_log_summary.txt").write_text("")
    problems: list[str] = []

    found = read_any(tmp_path, "v3.1", "resnet", problems)

    assert found.kind == "folder of LoadGen's logs"
    assert [each.scenario for each in found.measurements] == ["Offline", "Offline", "SingleStream"]
    assert len(problems) == 1
    assert "cut/performance/run_1" in problems[0]
    with pytest.raises(ImportedPathError, match="its benchmark is unknown"):
        read_any(tmp_path, "v3.1", "", [])


def test_bare_logs_of_loadgen_are_read_with_their_latencies(tmp_path: Path) -> None:
    write_logs(tmp_path / "mine")
    write_logs(tmp_path / "accurate", mode="AccuracyOnly")

    (found,) = read_any(tmp_path / "mine", "v3.1", "resnet", []).measurements

    assert found.values["latency_p90.00_ms"].value == found.values["mean_latency_ms"].value == 606_000.0
    assert [*found.logs] == ["mlperf_log_detail.txt", "mlperf_log_summary.txt"]
    with pytest.raises(ImportedResultError, match="holds the logs of LoadGen's mode AccuracyOnly"):
        read_any(tmp_path / "accurate", "v3.1", "resnet", [])


def test_stores_of_measurements_are_read_line_by_line(tmp_path: Path) -> None:
    write_logs(tmp_path / "logs")
    (measured,) = read_any(tmp_path / "logs", "v3.1", "resnet", []).measurements
    store = Store(tmp_path / "experiment")
    store.append([measured])
    with store.path.open("a") as file:
        file.write("{\n")
    (tmp_path / "lines.jsonl").write_bytes(store.path.read_bytes())

    for path in (store.folder, tmp_path / "lines.jsonl"):
        problems: list[str] = []
        assert list(read_any(path, "v3.1", "", problems).measurements) == [measured]
        assert "line 2: is not JSON" in problems[0]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published results are not here")
@pytest.mark.parametrize(("name", "count"), [("mobilenet.csv", 5174), ("bert_edge_open.csv", 459)])
def test_published_tables_are_read_completely(name: str, count: int) -> None:
    assert len(list(read_any(SHARED / name, "v3.1", "", []).measurements)) == count
