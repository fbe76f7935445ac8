"""An answer says that accuracies are copied if, and only if, its study had no dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from explored_studies import RUNNING, exploration_answer, origin
from msgspec import structs

from mlperf_home.challenges.verification.exploration_checks import exploration_problems
from mlperf_home.contracts.codec import encode
from mlperf_home.experiments.experiment import Experiments

if TYPE_CHECKING:
    from pathlib import Path

REASON = "not fetched: predicted to be dominated by a (z = 4.0; 3.0 are sure)"


def problems(root: Path, answer: dict[str, Any], *, without_dataset: bool) -> list[str]:
    running = replace(RUNNING, without_dataset=without_dataset)
    made_by = encode(structs.replace(origin("a"), running=running))
    study = Experiments(root / "experiments").begin("study", "exploration", ["mobilenet"], made_by, sample=True)
    study.answer.write_text(json.dumps(answer))
    return [text for _, text in exploration_problems(root)]


def answer_of(*, without_dataset: bool, left_out: str) -> dict[str, Any]:
    answer = {**exploration_answer("a"), "without_dataset": without_dataset}
    answer[left_out][0]["left_out"] = REASON
    return answer


def test_a_dropped_model_may_have_been_left_out(tmp_path: Path) -> None:
    assert problems(tmp_path, answer_of(without_dataset=True, left_out="dropped"), without_dataset=True) == []


@pytest.mark.parametrize(
    ("stated", "true", "place", "words"),
    [
        (False, True, "dropped", "without_dataset"),
        (True, False, "dropped", "without_dataset"),
        (True, True, "front", "/front/0 was left out of the race"),
    ],
    ids=["hidden", "invented", "on the front"],
)
def test_a_contradiction_is_named(tmp_path: Path, stated: bool, true: bool, place: str, words: str) -> None:
    found = problems(tmp_path, answer_of(without_dataset=stated, left_out=place), without_dataset=true)

    assert any(words in each for each in found), found
