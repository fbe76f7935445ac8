"""Measurements are appended once, found by conditions and exported; damaged lines are reported."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from small_disk import SmallDisk

from mlperf_home.measurements.expression import Expression, ExpressionError
from mlperf_home.measurements.imports.published import TableError, read_table
from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.measurements.storage.index import Index, MeasurementFilter
from mlperf_home.measurements.storage.parquet import export_parquet
from mlperf_home.measurements.storage.store import Store, StoreError

CUT = "removed the last line, which was cut off after 6 bytes; import that measurement again"
HEAD = (
    "round,organization,platform,system,cpu,sockets,cores,framework,os,"
    "family,multiplier,resolution,precision,top1,latency_ms,energy_mj,n_rows\n"
)
PUBLISHED = Path(__file__).parents[6] / "shared/data/mlperf-results/mobilenet.csv"


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(HEAD + "".join(row + "\n" for row in rows))
    return path


ROWS = tuple(
    f"v3.1,Lab,board-{place % 3},Board,CPU,1,4,TFLite,Linux,mobilenet-v1,1.0,{size},fp32,{60 + place},{place + 1},,1"
    for place, size in enumerate((128, 160, 192, 224))
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    assert store.append(read_table(table(tmp_path, *ROWS))) == 4
    return store


def test_a_measurement_is_stored_once(store: Store, tmp_path: Path) -> None:
    before = store.path.read_bytes()

    assert store.append(read_table(table(tmp_path, *ROWS))) == 0
    assert store.path.read_bytes() == before


def test_values_are_copied_and_empty_cells_are_unknown(store: Store) -> None:
    first = next(store.measurements())

    assert first.values["energy_mj"] == unknown("the table's cell is empty")
    assert first.values["latency_ms"] == Value(1.0, "copied", "table.csv")
    assert first.validity is None
    assert "logs were not seen" in first.unofficial_because[0]


def test_the_index_finds_measurements_by_conditions(store: Store) -> None:
    with Index(store) as index:
        assert index.count() == 4
        found = list(
            index.find(MeasurementFilter({"round": "v3.1", "system.platform": "board-0"}, {"values.top1_percent": 61}))
        )
        assert [each.model["name"].value for each in found] == ["mobilenet-v1/1.0/224/fp32"]
        assert len(list(index.find(MeasurementFilter(at_most={"values.latency_ms": 2.0})))) == 2
        assert list(index.find(MeasurementFilter({"sample": True}))) == []
        with pytest.raises(StoreError, match="nothing is called 'latency'"):
            list(index.find(MeasurementFilter(at_most={"latency": 2.0})))


def test_the_index_follows_the_store_and_is_rebuilt(store: Store, tmp_path: Path) -> None:
    with Index(store):
        pass
    more = "v4.0,Lab,b,Board,CPU,1,4,TFLite,Linux,mobilenet-v1,0.5,128,fp32,55,0.5,,1"
    store.append(read_table(table(tmp_path, more)))
    with Index(store) as index:
        assert index.count() == 5
    (store.folder / "index.sqlite").write_bytes(b"no database" * 100)
    with Index(store) as index:
        assert index.count() == 5


def test_damaged_lines_are_reported_and_others_are_read(store: Store) -> None:
    lines = store.path.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:100] + "\n"
    lines.insert(1, "[" * 100_000 + "\n")
    lines.insert(1, lines[0].replace("v3.1", "v3.\udcff", 1))
    lines.insert(1, json.dumps({**json.loads(lines[0]), "values": 3}) + "\n")
    store.path.write_text("".join(lines) + '{"half', errors="surrogateescape")
    damages: list[str] = []

    assert len(list(store.measurements(damages))) == 3
    problems = [
        "malformed value",
        "is not UTF-8 text",
        "is nested more than 8 levels deep",
        "is not JSON",
        "is cut off after 6 bytes",
    ]
    places = [f"{store.path}, line {number}" for number in (2, 3, 4, 5, 8)]
    assert [each for each, place, problem in zip(damages, places, problems, strict=True) if place not in each] == []
    assert [each for each, problem in zip(damages, problems, strict=True) if problem not in each] == []
    with Index(store) as index:
        assert (index.count(), len(index.damages)) == (3, 4)
        assert all(each.startswith(f"{store.path}: ") and "\n" not in each for each in index.damages)
        assert len(list(index.find(MeasurementFilter()))) == 3


def test_a_cut_line_is_removed_by_the_next_append_and_told(store: Store) -> None:
    before = store.path.read_bytes()
    store.path.write_bytes(before + b'{"half')

    assert store.append(list(store.measurements())[:1]) == 0
    assert store.path.read_bytes() == before
    assert store.damages == [f"{store.path}: {CUT}"]
    assert store.append(list(store.measurements())[:1]) == 0
    assert len(store.damages) == 1


def test_a_line_without_its_end_is_kept_if_it_is_whole(store: Store) -> None:
    before = store.path.read_bytes()
    store.path.write_bytes(before.removesuffix(b"\n"))

    assert len(list(store.measurements())) == 4
    assert store.append(list(store.measurements())) == 0
    assert store.path.read_bytes() == before


def test_an_append_on_a_full_disk_adds_nothing(tmp_path: Path) -> None:
    rows = [ROWS[0].replace("board-0", f"board-{number}") for number in range(3000)]
    many = list(read_table(table(tmp_path, *rows)))
    with SmallDisk(tmp_path / "disk", "1m") as disk:
        store = Store(disk.seen / "store")
        store.append(many[:2])
        before = store.path.read_bytes()

        with pytest.raises(StoreError, match="No space left on device"):
            store.append(many)

        assert store.path.read_bytes() == before
        assert len(list(store.measurements())) == 2
        disk.resize("16m")
        assert store.append(many) == 2998


def test_appending_after_a_truncated_line_loses_nothing(store: Store, tmp_path: Path) -> None:
    with store.path.open("a") as file:
        file.write('{"half')
    more = "v4.0,Lab,b,Board,CPU,1,4,TFLite,Linux,mobilenet-v1,0.5,128,fp32,55,0.5,,1"
    store.append(read_table(table(tmp_path, more)))

    assert len(list(store.measurements())) == 5


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROWS[0].replace(",60,", ",good,"), "line 2: top1 is 'good', not a number"),
        (ROWS[0].replace(",60,", ",nan,"), "top1 is 'nan', not a number"),
        (ROWS[0].replace(",60,", ",true,"), "top1 is 'true', not a number"),
        (ROWS[0].replace(",60,", f",{'9' * 5000},"), f"top1 is '{'9' * 60}', not a number"),
        (ROWS[0].replace(",60,", ",1e999,"), "top1 is '1e999', not a number"),
        (ROWS[0].replace(",60,", f",{'x' * 200_000},"), "is not CSV in UTF-8 .field larger than field limit"),
    ],
)
def test_an_error_in_a_cell_has_its_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        list(read_table(table(tmp_path, row)))


def test_a_table_without_a_column_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("round,system\nv3.1,x\n")
    with pytest.raises(TableError, match="has no column organization, platform"):
        list(read_table(path))


VALUES = {
    "samples_per_second": Value(100.0, "measured"),
    "cores": Value(8, "copied"),
    "price_usd": Value(0, "copied"),
    "watts": unknown("no meter"),
    "name": Value("x", "copied"),
}


def test_an_expression_is_arithmetic_on_values() -> None:
    found = Expression("samples_per_second / (cores - 2 * -1)").value(VALUES)

    assert found == Value(10.0, "inferred", reason="samples_per_second / (cores - 2 * -1)")


def test_an_expression_of_an_unknown_value_is_unknown() -> None:
    assert Expression("samples_per_second / watts").value(VALUES) == unknown("watts is unknown: no meter")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("samples_per_second / price_usd", "divides by price_usd, which is 0"),
        ("samples_per_second / dollars", "no value is called dollars"),
        ("name * 2", "name is the text 'x'"),
        ("__import__('os').system('true')", "calls a function"),
        ("cores.real", "'cores.real' is not allowed"),
        ("2 ** 9999999", "is not allowed"),
        ("cores and 1", "is not allowed"),
        ("True", "is not allowed"),
        ("(lambda: 1)", "is not allowed"),
        ("cores /", "is not arithmetic"),
        ("1e308 * 10 * cores", "overflows"),
        ("1" + "0" * 400, "is not allowed"),
        ("9" * 480 + ".0", "is not allowed"),
        ("0x" + "f" * 300, "is not allowed"),
        ("1e999", "'1e999' is not allowed"),
        ("1" + "0" * 4999, "characters, more than"),
        ("cores\x00", "is not arithmetic"),
        ("(" * 300 + "1" + ")" * 300, "characters, more than"),
    ],
)
def test_other_expressions_are_rejected(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        Expression(text).value(VALUES)

    assert message in str(raised.value)


def test_measurements_are_exported_to_parquet(store: Store, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
    assert export_parquet(store.measurements(), tmp_path / "all.parquet") == 4
    read = parquet.read_table(tmp_path / "all.parquet").to_pylist()

    assert [row["values.latency_ms"] for row in read] == [1, 2, 3, 4]
    assert {row["values.energy_mj.origin"] for row in read} == {"unknown"}
    with pytest.raises(StoreError, match="no measurement to export"):
        export_parquet([], tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published table is not here")
def test_the_published_table_is_stored_and_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.append(read_table(PUBLISHED)) > 5000
    with Index(store) as index:
        assert list(index.find(MeasurementFilter({"model.family": "mobilenet-v2"}, {"values.top1_percent": 70})))


@pytest.mark.parametrize("name", ["none/all.parquet", "."])
def test_an_unwritable_parquet_file_is_reported(store: Store, tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow.parquet", exc_type=ImportError)

    with pytest.raises(StoreError, match="cannot be written"):
        export_parquet(store.measurements(), tmp_path / name)


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(StoreError, match=r"pip install 'mlperf-home\[parquet\]'"):
        export_parquet([], tmp_path / "x.parquet")
