"""The index of a board: what ranking, pages and the judge read; it can be removed at any time and is made again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import parse_document, parse_own, to_line
from mlperf_home.contracts.leaderboard.events import (
    Forgetting,
    Receipt,
    Revocation,
    Rotation,
    Voucher,
    Withdrawal,
)
from mlperf_home.contracts.leaderboard.judging import Judgement, JudgeRequest, MachinePredictions
from mlperf_home.contracts.leaderboard.results import BoardResult
from mlperf_home.leaderboard.store.database import open_database
from mlperf_home.leaderboard.store.errors import BoardError
from scriptgraph.files.json_reader import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.events import Event, VerdictLine
    from mlperf_home.leaderboard.store.board import Board

    RowsOf = Callable[[Receipt], Sequence[BoardResult]]

INDEX_FILE = "index.sqlite"
LAYOUT = "1"
_ROW_LIMITS = Limits(size=1 << 20, depth=5, values=10_000)
_RESULT_COLUMNS = (
    *("id", "receipt", "path", "benchmark", "scenario", "model", "cpu", "runtime", "contributor", "owner", "machine"),
    *("state", "document", "judgement"),
)
_RESULTS = f"""CREATE TABLE IF NOT EXISTS results (id TEXT PRIMARY KEY, receipt INTEGER NOT NULL,
{", ".join(f"{name} TEXT NOT NULL" for name in _RESULT_COLUMNS[2:])})"""
_PUT_RESULT = f"INSERT INTO results VALUES ({', '.join('?' * len(_RESULT_COLUMNS))})"  # noqa: S608 - question marks
_KEYS = "key TEXT NOT NULL, fact TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, fact)"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS receipts (number INTEGER PRIMARY KEY, bundle TEXT NOT NULL UNIQUE, receipt TEXT)",
    _RESULTS,
    "CREATE INDEX IF NOT EXISTS results_subject ON results (benchmark, scenario, model)",
    "CREATE INDEX IF NOT EXISTS results_receipt ON results (receipt)",
    f"CREATE TABLE IF NOT EXISTS keys ({_KEYS})",
    "CREATE TABLE IF NOT EXISTS withdrawn (bundle TEXT PRIMARY KEY, day TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS forgotten (contributor TEXT PRIMARY KEY, day TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS predictions (machine TEXT PRIMARY KEY, document TEXT NOT NULL)",
)
_PUT_FACT = "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_PUT_KEY = (
    "INSERT INTO keys (key, fact, value) VALUES (?, ?, ?) ON CONFLICT (key, fact) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True)
class JudgedResult:
    """A result with its judgement."""

    result: BoardResult
    judgement: Judgement


class BoardIndex:
    """The index of a board, brought up to date when it is opened."""

    def __init__(self, board: Board, rows_of: RowsOf, place: str | Path | None = None) -> None:
        """Open the index.

        Args:
            board: the board.
            rows_of: returns the results of a taken bundle, from its archive.
            place: an address of PostgreSQL; by default a file in the board's folder.

        Raises:
            BoardError: the index cannot be used, or has another layout; or the board is damaged.
        """
        self._board, self._rows_of = board, rows_of
        self._database = open_database(place or board.folder / INDEX_FILE)
        with self._database.transaction():
            for statement in _TABLES:
                self._database.run(statement)
        layout = self._fact("layout", LAYOUT)
        if layout != LAYOUT:
            where = str(place or board.folder / INDEX_FILE)
            advice = "remove it: it is made again from the board"
            raise BoardError(where, f"has the layout {layout}, this version writes {LAYOUT}", advice)
        self.catch_up()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _fact(self, name: str, otherwise: str) -> str:
        found = self._database.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return str(found[0][0]) if found else otherwise

    def catch_up(self, ready: Mapping[str, Sequence[BoardResult]] | None = None) -> None:
        """Take the events and verdicts that the index lacks; `ready` has the results of bundles, by digest."""
        after = int(self._fact("events", "0"))
        for number, event in enumerate(self._board.journal.events(after), after + 1):
            rows: Sequence[BoardResult] = ()
            if isinstance(event, Receipt):
                rows = (ready or {}).get(event.bundle) or self._rows_of(event)
            with self._database.transaction():
                self._take(event, rows)
                self._database.run(_PUT_FACT, ("events", str(number)))
                self._database.run(_PUT_FACT, ("layout", LAYOUT))
        last = self._fact("verdicts", "")
        for path in self._board.verdicts.files():
            if path.name > last:
                with self._database.transaction():
                    self._take_verdicts(self._board.verdicts.lines(path))
                    self._database.run(_PUT_FACT, ("verdicts", path.name))

    def _take(self, event: Event, rows: Sequence[BoardResult]) -> None:
        run = self._database.run
        if isinstance(event, Receipt):
            run(
                "INSERT INTO receipts (number, bundle, receipt) VALUES (?, ?, ?)",
                (event.number, event.bundle, to_line(event)),
            )
            self._database.run_each(_PUT_RESULT, [_row(each) for each in rows])
        elif isinstance(event, Withdrawal):
            run("INSERT INTO withdrawn (bundle, day) VALUES (?, ?) ON CONFLICT DO NOTHING", (event.bundle, event.day))
        elif isinstance(event, Rotation):
            run(_PUT_KEY, (event.key, "successor", event.successor))
        elif isinstance(event, Revocation):
            run(_PUT_KEY, (event.key, "revoked", event.day))
        elif isinstance(event, Voucher):
            run(_PUT_KEY, (event.key, "vouched", "yes" if event.vouched else "no"))
        elif isinstance(event, Forgetting):
            values = (event.contributor, event.day)
            run("INSERT INTO forgotten (contributor, day) VALUES (?, ?) ON CONFLICT DO NOTHING", values)

    def _take_verdicts(self, lines: Iterable[VerdictLine]) -> None:
        rows = [(each.judgement.state, to_line(each.judgement), each.judgement.result) for each in lines]
        self._database.run_each("UPDATE results SET state = ?, judgement = ? WHERE id = ?", rows)

    def events(self) -> int:
        """Return the number of events that the index has."""
        return int(self._fact("events", "0"))

    def receipts(self) -> Iterator[Receipt]:
        """Yield the receipts in order."""
        for (line,) in self._database.rows("SELECT receipt FROM receipts ORDER BY number"):
            yield parse_document(line, Receipt, "the index", _ROW_LIMITS)

    def receipt_of(self, bundle: str) -> Receipt | None:
        """Return the receipt of a bundle, by the SHA-256 of its manifest or its beginning; None if it was not taken."""
        found = self._database.rows("SELECT receipt FROM receipts WHERE bundle LIKE ? ORDER BY number", (f"{bundle}%",))
        return parse_document(found[0][0], Receipt, "the index", _ROW_LIMITS) if len(found) == 1 else None

    def results(self, **equal: str) -> list[JudgedResult]:
        """Return results by receipt and path, those whose columns have these values.

        Columns: id, benchmark, scenario, model, cpu, runtime, contributor, owner, machine, state.
        """
        conditions = " AND ".join(f"{column} = ?" for column in equal) or "1 = 1"
        statement = f"SELECT document, judgement FROM results WHERE {conditions} ORDER BY receipt, path"  # noqa: S608 - columns are ours
        return [
            JudgedResult(
                parse_own(document, BoardResult, "the index"),
                parse_own(judgement, Judgement, "the index"),
            )
            for document, judgement in self._database.rows(statement, tuple(equal.values()))
        ]

    def key_facts(self) -> dict[str, dict[str, str]]:
        """Return what the journal tells of keys: successor, revoked, vouched; by fact and key."""
        facts: dict[str, dict[str, str]] = defaultdict(dict)
        for key, fact, value in self._database.rows("SELECT key, fact, value FROM keys ORDER BY key"):
            facts[fact][key] = value
        return facts

    def keep_predictions(self, predictions: Sequence[MachinePredictions]) -> None:
        """Replace the predictions of the board's machines by new ones."""
        with self._database.transaction():
            self._database.run("DELETE FROM predictions")
            rows = [(each.machine, to_line(each)) for each in predictions]
            self._database.run_each("INSERT INTO predictions (machine, document) VALUES (?, ?)", rows)

    def predictions(self) -> list[MachinePredictions]:
        """Return what is predicted of the models that machines have not measured."""
        rows = self._database.rows("SELECT document FROM predictions ORDER BY machine")
        return [parse_own(document, MachinePredictions, "the index") for (document,) in rows]

    def withdrawn(self) -> dict[str, str]:
        """Return the withdrawn bundles with the day."""
        return dict(self._pairs("SELECT bundle, day FROM withdrawn ORDER BY bundle"))

    def forgotten(self) -> dict[str, str]:
        """Return the pseudonyms whose names were erased, with the day."""
        return dict(self._pairs("SELECT contributor, day FROM forgotten ORDER BY contributor"))

    def _pairs(self, statement: str) -> list[tuple[Any, ...]]:
        return self._database.rows(statement)

    def request(self, published: Sequence[BoardResult] = ()) -> JudgeRequest:
        """Return all that the judge needs; `published` rows are judged beside the board's own."""
        facts = self.key_facts()
        return JudgeRequest(
            results=(*(each.result for each in self.results()), *published),
            withdrawn=self.withdrawn(),
            successors=facts["successor"],
            revoked=facts["revoked"],
            vouched=tuple(key for key, value in facts["vouched"].items() if value == "yes"),
            crowd=self._board.settings.crowd,
        )


def _row(result: BoardResult) -> tuple[Any, ...]:
    first = Judgement(result=result.id, state="verified", reasons=("not judged yet",), wanted=True)
    columns = (result.id, result.receipt, result.path, result.benchmark, result.scenario, result.model)
    of = (result.of.cpu, result.of.runtime, result.contributor, result.key or result.bundle, result.machine)
    return (*columns, *of, first.state, to_line(result), to_line(first))
