"""A store's index in SQLite, which can be deleted at any time."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.measurements.measurement import GROUPS, MeasurementError, from_json
from mlperf_home.measurements.storage.store import MOST_BYTES, StoreError, identity
from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.kernel_files import read_text
from scriptgraph.files.line_file import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.measurements.storage.store import Store

INDEX_FILE = "index.sqlite"
_SCHEMA = 2
_PART_BYTES = 1 << 20
COLUMNS = ("round", "benchmark", "scenario", "sample", "validity")
# Measurements are numbered: rows of `value` are then appended in order, not inserted all over the table.
_TABLES = f"""
CREATE TABLE measurement (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL,
                          {", ".join(COLUMNS)});
CREATE TABLE value (name TEXT NOT NULL, measurement INTEGER NOT NULL, number REAL, text TEXT,
                    PRIMARY KEY (name, measurement)) WITHOUT ROWID;
CREATE TABLE source (bytes INTEGER NOT NULL, sha256 TEXT NOT NULL);
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
    """The index of a store, updated when it is opened; a context manager.

    Attributes:
        damages: a sentence if the index was damaged and is made again, and one for each damaged line that is new.
    """

    def __init__(self, store: Store) -> None:
        """Open the index and add the store's new measurements; make an index anew that is damaged or of another store.

        Raises:
            StoreError: the index cannot be written.
        """
        self.store = store
        self.damages: list[str] = []
        self._path = store.folder / INDEX_FILE
        self._digest = self._path.with_suffix(".sha256")
        try:
            store.folder.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as lock:
                locks.acquire(lock, wait=True)
                self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def find(self, conditions: MeasurementFilter) -> Iterator[Measurement]:
        """Yield the matching measurements, in the order of the store.

        Raises:
            StoreError: a name is neither a column nor GROUP.NAME, or the index cannot be read.
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
        try:
            for (line,) in self._connection.execute(text, parameters):
                yield from self._decoded(line)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        except (OverflowError, UnicodeEncodeError) as error:
            raise StoreError("query", f"has a value that no measurement can have ({error})", "use another") from None

    def count(self) -> int:
        """Return the number of measurements."""
        return int(self._connection.execute("SELECT count(*) FROM measurement").fetchone()[0])

    def _decoded(self, line: str | bytes) -> Iterator[Measurement]:
        try:
            yield from_json(line, str(self._path))
        except MeasurementError as error:  # damaged since it was opened
            self.damages.append(str(error))

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(self._path, f"cannot be used ({error})", "delete it; it is rebuilt from the store")

    def _checked_name(self, name: str) -> str:
        group, dot, rest = name.partition(".")
        if group not in GROUPS or not dot or not rest:
            known = f"{', '.join(COLUMNS)}, or a name such as values.latency_ms or system.name"
            raise StoreError("query", f"nothing is called {name!r}", f"use {known}")
        return name

    def _open(self) -> None:
        """Open or make the index, and update it, while its lock is held.

        SQLite detects few kinds of damage: an index is used only if the digest of its bytes is the recorded one.
        """
        recorded = read_text(self._digest)  # None while a process writes, or if that process was killed
        intact = self._path.exists() and sha256_of(self._path) == recorded
        if not (intact and self._reopen()):
            if recorded is not None and not intact:
                self.damages.append(f"{self._path}: was damaged, and is made again from the store")
            self._begin()
        if self._update():
            replace_text(self._digest, f"{sha256_of(self._path)}\n")

    def _reopen(self) -> bool:
        """Open the index; whether it is of this version and of the store's first lines."""
        self._connection = sqlite3.connect(self._path)
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == _SCHEMA:
            size, digest = self._connection.execute("SELECT bytes, sha256 FROM source").fetchone()
            if size <= self.store.size() and self._digest_of_lines(size) == digest:
                return True
        self._connection.close()
        return False

    def _begin(self) -> None:
        self._digest.unlink(missing_ok=True)
        # SQLite would apply a journal that a killed process has left to the new file.
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._path.with_name(INDEX_FILE + suffix).unlink(missing_ok=True)
        self._connection = sqlite3.connect(self._path)
        self._connection.executescript(_TABLES)
        self._connection.execute("INSERT INTO source VALUES (0, '')")
        self._connection.commit()

    def _digest_of_lines(self, size: int) -> str:
        """Return the digest of the store's first bytes; "" for none."""
        if not size:
            return ""
        digest, rest = hashlib.sha256(), size
        with self.store.path.open("rb") as file:
            while rest and (part := file.read(min(rest, _PART_BYTES))):
                digest.update(part)
                rest -= len(part)
        return digest.hexdigest()

    def _update(self) -> bool:
        """Add the lines that the store has gained; `damages` takes a sentence for each damaged one.

        Returns:
            Whether the index has changed, or is new.
        """
        connection = self._connection
        place = start = int(connection.execute("SELECT bytes FROM source").fetchone()[0])
        size = self.store.size()
        if size > start:
            self._digest.unlink(missing_ok=True)
            with self.store.path.open("rb") as file:
                file.seek(start)
                for line in read_lines(file, MOST_BYTES):
                    # A last line without its end is not yet part of the store.
                    if file.tell() > size or not line.endswith(b"\n"):
                        break
                    self._add(line.removesuffix(b"\n"))
                    place = file.tell()
        if place > start:
            connection.execute("UPDATE source SET bytes = ?, sha256 = ?", [place, self._digest_of_lines(place)])
        connection.commit()
        return place > start or not self._digest.exists()

    def _add(self, content: bytes) -> None:
        if not content.strip():
            return
        try:
            measurement = from_json(content, f"{self.store.path}: {content[:40]!r}...")
        except MeasurementError as error:
            self.damages.append(f"{error.where}: {error.problem}; import that measurement again")
            return
        row = [identity(content), content.decode("utf-8"), *(getattr(measurement, column) for column in COLUMNS)]
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
