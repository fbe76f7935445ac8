"""The built-in spaces of classifiers are unchanged, since the names of experiments depend on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlperf_home.contracts.codec import encode
from mlperf_home.exploration.definition.space import decode_space, make_space
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.steps.exploring.options import known_space

GOLDEN = Path(__file__).parents[4] / "golden"


@pytest.mark.parametrize(("name", "count"), [("mobilenets", 81), ("sample_mobilenets", 8)])
def test_a_builtin_space_of_classifiers_is_unchanged(name: str, count: int) -> None:
    golden = json.loads((GOLDEN / f"space-{name}.json").read_text())
    models = {row.model for row in read_classifiers() if row.sample == (count == 8)}

    document = known_space(name)
    points = [point.name for point in make_space(document, name).points]

    assert json.dumps(encode(document), indent=1) == json.dumps(golden, indent=1)
    assert points == [point.name for point in make_space(decode_space(golden, name), name).points]
    assert len(points) == count
    assert set(points) == models
