"""The built-in spaces of classifiers are unchanged, since the names of experiments depend on them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mlperf_home.contracts.codec import encode
from mlperf_home.exploration.definition.space import decode_space, make_space
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.steps.exploring.options import WITHOUT_DATASET, check_without_dataset, known_space, race_settings
from scriptgraph.api import Context, StepFailed

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


def context(**texts: str) -> Context:
    values = {WITHOUT_DATASET: "yes", **texts}
    made = SimpleNamespace(
        text=lambda key, default="": values.get(key, default),
        flag=lambda key: values.get(key) == "yes",
        number=lambda key: None,
        whole=lambda key: None,
    )
    return cast("Context", made)


@pytest.mark.parametrize(
    ("key", "value", "option"),
    [
        ("IMAGENET_PATH", "/data", "--imagenet_path"),
        ("CM_EXPLORE_FULL_ACCURACY", "yes", "--full_accuracy"),
        ("CM_EXPLORE_SEARCHER", "tpe", "--searcher"),
        ("CM_DATASET_IMAGENET_RECIPE", "mlperf-v3.1", "--recipe"),
        ("CM_DATASET_SIZE", "500", "--dataset_size"),
    ],
)
def test_options_of_a_dataset_need_one(key: str, value: str, option: str) -> None:
    check_without_dataset(context())
    check_without_dataset(context(**{WITHOUT_DATASET: "no", key: value}))

    with pytest.raises(StepFailed, match=f"{option}: conflicts with --without_dataset"):
        check_without_dataset(context(**{key: value}))


def test_without_a_dataset_no_run_is_official_by_default() -> None:
    assert race_settings(context()).official == "none"
    assert race_settings(context(CM_EXPLORE_OFFICIAL="kept")).official == "kept"
    assert race_settings(context(**{WITHOUT_DATASET: "no"})).official == "front"
