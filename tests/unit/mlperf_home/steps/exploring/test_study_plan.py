"""An absent model has the reason of its own step, not of another model's."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from mlperf_home.steps.exploring.study_plan import engines_of, read_study_plan
from scriptgraph.api import Context, DependencyFailure, StepFailed
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

SPACE = {"schema": 1, "name": "s", "axes": {"m": ["a", "b"]}, "model_axes": ["m"], "constraints": []}


def context(folder: Path, *failures: DependencyFailure, **texts: str) -> Context:
    (folder / "space.json").write_text(json.dumps(SPACE))
    values = {"CM_EXPLORE_SPACE": str(folder / "space.json"), **texts}
    made = SimpleNamespace(text=lambda key, default="": values.get(key, default), failures=lambda _key: failures)
    return cast("Context", made)


def failed(model: str, error: str) -> DependencyFailure:
    return DependencyFailure({"CM_EXPLORE_MODEL": model, "CM_ML_MODEL_VARIATION": "v"}, "get-model", error, ("top",))


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        ((failed("b", "no room"), failed("a", "its host is gone")), "its host is gone (on the way: top)"),
        ((failed("a b", "no room"),), "no room (on the way: top)"),
        ((), "no step provides it"),
    ],
    ids=["its own", "another's", "none"],
)
def test_the_reason_of_an_absent_model_is_that_of_its_step(
    tmp_path: Path, failures: tuple[DependencyFailure, ...], reason: str
) -> None:
    with pytest.raises(StepFailed) as caught:
        read_study_plan(context(tmp_path, *failures), tmp_path)

    text = f"no model is available; the first error: the model or its dataset is absent: {reason}"
    assert str(caught.value) == text


def test_a_damaged_description_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    path.write_text('{"backend": "litert", "python": 3}')

    with pytest.raises(DocumentError, match=rf"^{path}#/python: expected `str`, got `int`$"):
        engines_of(context(tmp_path, CM_EXPLORE_ENGINES=str(path)))
