"""The table of image classifiers is read with errors that name the place, and agrees with the sample's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.samples import mobilenet
from scriptgraph.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"model": "m/fp32", "sample": "no", "variations": ["v1"], "weights": "fp32"}


def test_the_table_has_81_published_models_and_the_samples_eight() -> None:
    rows = read_classifiers()
    sample = {name for row in rows if row.sample for name in row.variations}

    assert sum(not row.sample for row in rows) == 81
    assert len({row.model for row in rows}) == len(rows) == 89
    assert sample == {f"sample.{name}" for name in mobilenet.MODELS}
    assert {row.weights for row in rows} == {"fp32", "int8"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "/rows/1/model: must be text, is null"),
        ({"variations": 3}, "/rows/1/variations: must be a list, is a number"),
        ({"weights": ...}, "/rows/1: has not the columns of the first row: weights"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "table.json"
    row = {name: cell for name, cell in {**ROW, **change}.items() if cell is not ...}
    path.write_text(json.dumps({"rows": [ROW, row]}))

    with pytest.raises(ManifestError) as caught:
        read_classifiers(path)

    assert str(caught.value) == f"{path}#{message}"
