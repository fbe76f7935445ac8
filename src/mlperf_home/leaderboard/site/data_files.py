"""The data of a board beside its pages: JSON, CSV, Parquet, and the data of the scripts."""

from __future__ import annotations

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import encode, to_line
from mlperf_home.contracts.leaderboard.wanted_list import WANTED_FILE
from mlperf_home.leaderboard.answer.export import NOTICE, as_csv, choice_row, write_rows
from mlperf_home.leaderboard.site.columns import choice_script, result_script
from mlperf_home.leaderboard.site.drafts import Draft, code_key, key_of, text_draft

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
    key = key_of(code_key(), list(data.choice_marks.values()), data.extras.prices and data.extras.prices.currency)
    yield Draft("choices.json", key, lambda: _list(map(json.dumps, _rows(data))).encode())
    if data.every:
        yield Draft("choices.csv", key, lambda: as_csv(_rows(data)).encode())
        if find_spec("pyarrow"):
            yield Draft("choices.parquet", key, lambda: _parquet(_rows(data)))
    yield Draft("choices.js", key, lambda: choice_script(data).encode())
    own = key_of(code_key(), list(data.marks.values()))
    yield Draft("results.json", own, lambda: _list(map(_line, data.results)).encode())
    yield Draft("results.js", own, lambda: result_script(data).encode())
    yield text_draft(WANTED_FILE, json.dumps(encode(data.wanted_list), indent=1) + "\n")


def _rows(data: SiteData) -> list[dict[str, Any]]:
    return [choice_row(each) for each in data.every]


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
