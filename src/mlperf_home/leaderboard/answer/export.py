"""Choices and results as rows of tables: JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from mlperf_home.leaderboard.answer.choices import METRICS
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.measurements.storage.parquet import write_columns
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.leaderboard.answer.choices import RankedChoice

FORMATS = (".json", ".csv", ".parquet")
NOTICE = "not verified by MLCommons"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def choice_row(choice: RankedChoice) -> dict[str, Any]:
    """Return a choice as a flat row; unknown values are None."""
    row: dict[str, Any] = {**choice.key._asdict(), "origin": choice.origin, "state": choice.state}
    row["latency_only"] = choice.latency_only
    row |= {"contributors": choice.contributors, "machines": choice.machines, "results": " ".join(choice.results)}
    for metric in METRICS:
        amount = choice.amounts.get(metric)
        row |= {metric: amount and amount.value, f"low_{metric}": amount and amount.low}
        row[f"high_{metric}"] = amount and amount.high
    row |= {"price_per_hour": choice.price_per_hour, "cost_per_million": choice.cost_per_million}
    return {**row, "notice": NOTICE}


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows in the format of the file's ending, whole or not at all.

    Raises:
        BoardError: the ending is none of `FORMATS`, there are no rows, or the file cannot be written.
        StoreError: pyarrow, which writes Parquet, is not installed.
    """
    if path.suffix not in FORMATS:
        raise BoardError(path, f"has no ending of {', '.join(FORMATS)}", "name such a file")
    if not rows:
        raise BoardError(path, "there is nothing to write", "select other results")
    try:
        if path.suffix == ".parquet":
            write_columns({name: [row[name] for row in rows] for name in rows[0]}, path)
        else:
            replace_text(path, json.dumps(list(rows), indent=1) + "\n" if path.suffix == ".json" else as_csv(rows))
    except OSError as error:
        advice = "name a file in an existing folder that you can write to"
        raise BoardError(path, f"cannot be written ({error.strerror})", advice) from None


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV; an unknown value is an empty cell, and no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
