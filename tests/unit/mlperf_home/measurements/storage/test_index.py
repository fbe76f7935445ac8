"""An index tells the truth of its store, or is made again, which is told once."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_home.measurements.measurement import Measurement, Value
from mlperf_home.measurements.storage.index import Index, MeasurementFilter
from mlperf_home.measurements.storage.store import Store, StoreError

if TYPE_CHECKING:
    from pathlib import Path

EVERY = MeasurementFilter()


def measurement(number: int) -> Measurement:
    facts = {"name": Value(f"m{number}", "copied", "test")}
    values = {"latency_ms": Value(float(number + 1), "copied", "test")}
    return Measurement(
        "v3.1", "resnet", "SingleStream", False, "", "VALID", (), (), facts, facts, facts, values, {}, ()
    )  # fmt: skip


def names(store: Store) -> list[object]:
    with Index(store) as index:
        assert index.count() == len(list(index.find(EVERY)))
        return [each.model["name"].value for each in index.find(EVERY)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.append(map(measurement, range(40)))
    names(made)
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1 << 20), bits=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_index_is_made_again_and_told_once(store: Store, place: int, bits: int, cut: bool) -> None:
    path = store.folder / "index.sqlite"
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place] ^= bits
    path.write_bytes(content[:place] if cut else content)

    with Index(store) as index:
        assert [each.model["name"].value for each in index.find(EVERY)] == [f"m{number}" for number in range(40)]
        assert index.damages == [f"{path}: was damaged, and is made again from the store"]
    with Index(store) as index:
        assert index.damages == []


def test_a_journal_of_a_killed_process_is_not_applied(store: Store) -> None:
    (store.folder / "index.sqlite-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(4000))
    (store.folder / "index.sqlite").write_bytes(b"no database")

    assert len(names(store)) == 40
    assert not (store.folder / "index.sqlite-journal").exists()


def test_an_index_of_other_lines_is_made_again(store: Store) -> None:
    content = store.path.read_text(encoding="utf-8")
    store.path.write_text(content.replace('"m3"', '"n3"') + content.splitlines()[0].replace('"m0"', '"n0"') + "\n")

    with Index(store) as index:
        assert [each.model["name"].value for each in index.find(EVERY)][3] == "n3"
        assert index.count() == 41
        assert index.damages == []


def test_a_line_with_an_extra_key_does_not_end_a_search(store: Store) -> None:
    content = json.loads(store.path.read_text(encoding="utf-8").splitlines()[0])
    with store.path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**content, "extra": 1}) + "\n")
        content["values"]["latency_ms"]["extra"] = 1
        file.write(json.dumps(content) + "\n")
    store.append([measurement(99)])

    with Index(store) as index:
        assert len(list(index.find(EVERY))) == 41
        assert ["unknown key" in each or "unknown keys" in each for each in index.damages] == [True, True]


def test_a_line_damaged_in_an_open_index_is_told(store: Store) -> None:
    with Index(store) as index:
        other = sqlite3.connect(store.folder / "index.sqlite")
        other.execute("""UPDATE measurement SET line = replace(line, '{"benchmark"', '{"extra":1,"benchmark"')
                         WHERE number = 2""")
        other.commit()
        other.close()

        assert len(list(index.find(EVERY))) == 39
        assert len(index.damages) == 1
        assert "extra" in index.damages[0]


def test_an_unfinished_batch_is_not_indexed(store: Store) -> None:
    store.path.with_name(f".{store.path.name}.appending").write_text(f"{store.path.stat().st_size}\n")
    with store.path.open("a", encoding="utf-8") as file:
        file.write(store.path.read_text().splitlines()[0].replace('"m0"', '"x"') + "\n")

    assert "x" not in names(store)
    store.append([measurement(77)])
    assert names(store)[-1] == "m77"
    assert "x" not in names(store)


@pytest.mark.parametrize("value", [1 << 70, "\udcff"])
def test_a_value_that_cannot_be_stored_is_a_query_error(store: Store, value: int | str) -> None:
    with Index(store) as index, pytest.raises(StoreError, match="query: has a value that no measurement can have"):
        list(index.find(MeasurementFilter({"system.name": value})))


def test_a_fault_found_while_searching_is_located(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with Index(store) as index:
        index._connection.execute("DROP TABLE value")
        with pytest.raises(StoreError, match=r"index\.sqlite: cannot be used"):
            list(index.find(MeasurementFilter(at_least={"values.latency_ms": 1})))


def test_equal_measurements_of_another_order_are_kept(store: Store) -> None:
    store.append([replace(measurement(0), warnings=("hot",))])

    assert len(names(store)) == 41
