"""A store's index in SQLite, which can be deleted at any time, and its export to Parquet."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.measurement import GROUPS, MeasurementError, from_json
from mlperf_home.measurements.store import Store, StoreError, identity
from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

INDEX_FILE = "index.sqlite"
_SCHEMA = 1
COLUMNS = ("round", "benchmark", "scenario", "sample", "validity")
# Measurements are numbered: rows of `value` are then appended in order, not inserted all over the table.
_TABLES = f"""
CREATE TABLE measurement (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL,
                          {", ".join(COLUMNS)});
CREATE TABLE value (name TEXT NOT NULL, measurement INTEGER NOT NULL, number REAL, text TEXT,
                    PRIMARY KEY (name, measurement)) WITHOUT ROWID;
CREATE TABLE source (bytes INTEGER NOT NULL);
PRAGMA user_version = {_SCHEMA};
"""


@dataclass(frozen=True)
class MeasurementFilter:
    """Conditions on measurements; all have to hold.

    Attributes:
        equals: the values of columns (round, benchmark, scenario, sample, validity) or of names ("system.name").
        at_least: lower bounds by name ("values.top1_percent").
        at_most: upper bounds by name.
    """

    equals: Mapping[str, str | float | bool] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[str, float] = field(default_factory=dict)


class Index(AbstractContextManager["Index", None]):
    """The index of a store, updated when it is opened; a context manager."""

    def __init__(self, store: Store) -> None:
        """Open the index and add the store's new measurements; rebuild an index that does not fit the store.

        Raises:
            StoreError: the index cannot be written.
        """
        self.store = store
        self.damages: list[str] = []
        self._path = store.folder / INDEX_FILE
        try:
            self._connection = self._open()
            self._update()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                self._path, f"cannot be used ({error})", "delete it; it is rebuilt from the store"
            ) from None

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def find(self, conditions: MeasurementFilter) -> Iterator[Measurement]:
        """Yield the matching measurements, in the order of the store.

        Raises:
            StoreError: a name is neither a column nor GROUP.NAME.
        """
        columns = {name: value for name, value in conditions.equals.items() if name in COLUMNS}
        values = [(name, "=", value) for name, value in conditions.equals.items() if name not in COLUMNS]
        values += [(name, ">=", bound) for name, bound in conditions.at_least.items()]
        values += [(name, "<=", bound) for name, bound in conditions.at_most.items()]
        parts = ["1", *(f"{name} IS ?" for name in columns)]
        parameters = [int(value) if isinstance(value, bool) else value for value in columns.values()]
        for name, sign, value in values:
            kind = "text" if isinstance(value, str) else "number"
            parts.append(f"number IN (SELECT measurement FROM value WHERE name = ? AND value.{kind} {sign} ?)")  # noqa: S608
            parameters += [self._checked_name(name), value]
        # The text consists of fixed words and column names; all values are bound.
        text = f"SELECT line FROM measurement WHERE {' AND '.join(parts)} ORDER BY number"  # noqa: S608
        for (line,) in self._connection.execute(text, parameters):
            yield from_json(line, str(self._path))

    def count(self) -> int:
        """Return the number of measurements."""
        return int(self._connection.execute("SELECT count(*) FROM measurement").fetchone()[0])

    def _checked_name(self, name: str) -> str:
        group, dot, rest = name.partition(".")
        if group not in GROUPS or not dot or not rest:
            known = f"{', '.join(COLUMNS)}, or a name such as values.latency_ms or system.name"
            raise StoreError("query", f"nothing is called {name!r}", f"use {known}")
        return name

    def _open(self) -> sqlite3.Connection:
        self.store.folder.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(self._path)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == _SCHEMA and self._indexed_bytes(connection) <= self._store_bytes():
                return connection
            connection.close()
        except sqlite3.DatabaseError:
            pass
        self._path.unlink(missing_ok=True)
        connection = sqlite3.connect(self._path)
        connection.executescript(_TABLES)
        connection.execute("INSERT INTO source VALUES (0)")
        connection.commit()
        return connection

    @staticmethod
    def _indexed_bytes(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT bytes FROM source").fetchone()[0])

    def _store_bytes(self) -> int:
        return self.store.path.stat().st_size if self.store.path.exists() else 0

    def _update(self) -> None:
        """Add the lines that the store has gained; `damages` takes a sentence for each damaged one."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        start = self._indexed_bytes(connection)
        if self._store_bytes() > start:
            with self.store.path.open("rb") as file:
                file.seek(start)
                tail = file.read()
            # A last line without its end is still being written.
            lines = tail[: tail.rfind(b"\n") + 1]
            for line in lines.splitlines():
                self._add(line)
            connection.execute("UPDATE source SET bytes = ?", [start + len(lines)])
        connection.commit()

    def _add(self, content: bytes) -> None:
        if not content:
            return
        try:
            measurement = from_json(content, f"{self.store.path}: {content[:40]!r}...")
        except MeasurementError as error:
            self.damages.append(f"{error.where}: {error.problem}; import that measurement again")
            return
        line = content.decode("utf-8")
        row = [identity(line), line, *(getattr(measurement, column) for column in COLUMNS)]
        values = [
            (f"{group}.{name}", each.value) for group in GROUPS for name, each in getattr(measurement, group).items()
        ]
        marks = ", ".join("?" * len(row))
        text = f"INSERT OR IGNORE INTO measurement VALUES (NULL, {marks})"  # noqa: S608 - question marks
        added = self._connection.execute(text, row)
        if added.rowcount:
            # Numbers and texts have separate columns.
            rows = (
                (name, added.lastrowid, *((None, value) if isinstance(value, str) else (value, None)))
                for name, value in values
            )
            self._connection.executemany("INSERT INTO value VALUES (?, ?, ?, ?)", rows)


def export_parquet(measurements: Iterable[Measurement], path: Path) -> int:
    """Write measurements to Parquet, one row each.

    Each value has a column such as "values.latency_ms", and a column for its origin, "values.latency_ms.origin". A
    column with both texts and numbers is written as text. The file is complete or absent.

    Returns:
        The number of measurements.

    Raises:
        StoreError: pyarrow is not installed, there are no measurements, or the file cannot be written.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StoreError("Parquet", f"pyarrow is not usable ({error})", "pip install 'mlperf-home[parquet]'") from None
    measured = list(measurements)
    if not measured:
        raise StoreError(path, "there is no measurement to export", "import some, or select others")
    columns = {name: pa.array(values) for name, values in _columns(measured).items()}
    try:
        with replacement(path) as file:
            parquet.write_table(pa.table(columns), file)
    except OSError as error:
        advice = "name a file in an existing folder that you can write to"
        raise StoreError(path, f"cannot be written ({error.strerror})", advice) from None
    return len(measured)


def _columns(measurements: Sequence[Measurement]) -> dict[str, list[Any]]:
    rows = []
    for measurement in measurements:
        row = {name: getattr(measurement, name) for name in COLUMNS}
        for group in GROUPS:
            for name, value in getattr(measurement, group).items():
                row |= {f"{group}.{name}": value.value, f"{group}.{name}.origin": value.origin}
        rows.append(row)
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            columns[name] = [None if value is None else str(value) for value in values]
        else:
            columns[name] = [value if value is None or isinstance(value, bool) else float(value) for value in values]
    return columns
