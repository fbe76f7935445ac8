"""One way to SQLite and to PostgreSQL: the same statements, with a question mark for each value."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from mlperf_home.leaderboard.store.errors import BoardError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_POSTGRESQL = ("postgresql://", "postgres://")


class Database(Protocol):
    """A database with transactions."""

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Raise BoardError if the database fails."""
        ...

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement. Raise BoardError if the database fails."""
        ...

    def run_each(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement with each row of values. Raise BoardError if the database fails."""
        ...

    def transaction(self) -> Any:
        """Return a context in which all statements take effect together, or none."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def open_database(place: str | Path) -> Database:
    """Open a file of SQLite, or a PostgreSQL database by its address.

    Raises:
        BoardError: it cannot be opened, or the package for PostgreSQL is absent.
    """
    if isinstance(place, str) and place.startswith(_POSTGRESQL):
        return _Postgres(place)
    return _Sqlite(place)


class _Sqlite:
    def __init__(self, path: str | Path) -> None:
        self._place = str(path)
        with self._failing():
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=60)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            advice = "remove the file: it is made again from the board"
            raise BoardError(self._place, f"cannot be used ({error})", advice) from None

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._failing():
            return self._connection.execute(statement, values).fetchall()

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        with self._failing():
            self._connection.execute(statement, values)

    def run_each(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._failing():
            self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self.run("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, address: str) -> None:
        if find_spec("psycopg") is None:
            advice = "pip install 'mlperf-home[postgresql]'"
            raise BoardError("--database", "needs the package psycopg, which is not installed", advice)
        import psycopg  # noqa: PLC0415 - the default needs no server

        self._place, self._error = _without_password(address), psycopg.Error
        with self._failing():
            self._connection = psycopg.connect(address, autocommit=True, connect_timeout=20, client_encoding="utf8")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            words = " ".join(str(error).split())
            raise BoardError(self._place, f"cannot be used ({words})", "check the server and its address") from None

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._failing():
            return list(self._connection.execute(_placeholders(statement), values).fetchall())

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        with self._failing():
            self._connection.execute(_placeholders(statement), values)

    def run_each(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._failing(), self._connection.cursor() as cursor:
            cursor.executemany(_placeholders(statement), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._failing(), self._connection.transaction():
            yield

    def close(self) -> None:
        self._connection.close()


def _placeholders(statement: str) -> Any:
    return statement.replace("%", "%%").replace("?", "%s")


def _without_password(address: str) -> str:
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
