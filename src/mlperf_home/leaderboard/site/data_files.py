"""The data of a board beside its pages: JSON, CSV, Parquet, and the data of the scripts."""

from __future__ import annotations

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import to_line
from mlperf_home.leaderboard.answer.export import NOTICE, as_csv, choice_row, write_rows
from mlperf_home.leaderboard.site.columns import choice_script, result_script
from mlperf_home.leaderboard.site.drafts import Draft, text_draft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.index import JudgedResult

_HERE = Path(__file__).parent
_FOLDERS = ("scripts", "vendored")


def data_files(data: SiteData) -> Iterator[Draft]:
    """Yield the drafts of the data, of the style and of the scripts."""
    for folder in _FOLDERS:
        for path in sorted((_HERE / folder).iterdir()):
            if path.suffix != ".md":
                yield text_draft(path.name, path.read_text(encoding="utf-8"))
    rows = [choice_row(each) for each in data.every]
    text = _list(map(json.dumps, rows))
    yield text_draft("choices.json", text)
    if rows:
        yield text_draft("choices.csv", as_csv(rows))
    if rows and find_spec("pyarrow"):
        yield Draft("choices.parquet", text_draft("", text).key, lambda: _parquet(rows))
    yield text_draft("results.json", _list(map(_line, data.results)))
    yield text_draft("choices.js", choice_script(data))
    yield text_draft("results.js", result_script(data))


def _list(lines: Iterable[str]) -> str:
    """Return a JSON list with an item a line."""
    return "[{}]\n".format(",\n".join(lines))


def _line(each: JudgedResult) -> str:
    """Return a result with its judgement and the notice as one line of JSON."""
    head = to_line(each.result).removesuffix("}")
    return f'{head},"judgement":{to_line(each.judgement)},"notice":{json.dumps(NOTICE)}}}'


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "choices.parquet"
        write_rows(rows, path)
        return path.read_bytes()
