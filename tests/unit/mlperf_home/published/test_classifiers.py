"""The table of image classifiers agrees with the sample's files, and its errors name the place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.samples import mobilenet
from scriptgraph.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"model": "m/fp32", "sample": "no", "variations": ["v1"], "weights": "fp32", "name": "m-fp32"}


def test_table_has_81_published_and_8_sample_models() -> None:
    rows = read_classifiers()
    sample = {name for row in rows if row.sample for name in row.variations}

    assert sum(not row.sample for row in rows) == 81
    assert len({row.model for row in rows}) == len(rows) == 89
    assert sample == {f"sample.{name}" for name in mobilenet.MODELS}
    assert len({row.name for row in rows}) == 89
    assert {row.weights for row in rows} == {"fp32", "int8"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "/rows/1/model: must be text, is null"),
        ({"variations": 3}, "/rows/1/variations: must be a list, is a number"),
        ({"weights": ...}, "/rows/1: does not have the first row's columns: weights"),
    ],
)
def test_invalid_row_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "table.json"
    row = {name: cell for name, cell in {**ROW, **change}.items() if cell is not ...}
    path.write_text(json.dumps({"rows": [ROW, row]}))

    with pytest.raises(ManifestError) as caught:
        read_classifiers(path)

    assert str(caught.value) == f"{path}#{message}"
