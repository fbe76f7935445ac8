"""Answers of two contributors to the same images: equal, alike, or contradicting."""

from __future__ import annotations

import msgspec
import pytest
from board_results import result

from mlperf_home.contracts.leaderboard.judging import JudgeAnswer, JudgeRequest
from mlperf_home.contracts.leaderboard.results import AnswerFacts, BoardResult
from mlperf_home.leaderboard.judge.answers import equal_share, sketch_of
from mlperf_home.leaderboard.judge.copies import shared_machines
from mlperf_home.leaderboard.judge.judge import judge_of
from mlperf_home.loadgen_logs.answers import class_column

IMAGES = 5000


def judged(results: list[BoardResult]) -> JudgeAnswer:
    return judge_of("images").judge(JudgeRequest(results=tuple(results)))


def answers(wrong: float, arithmetic: str = "", dataset: str = "d") -> AnswerFacts:
    """Return answers of which a share, from the first, differs from those of others."""
    changed = round(wrong * IMAGES)
    column = class_column("", [(number * 7 + (number * 31 % IMAGES < changed)) % 1000 for number in range(IMAGES)])
    return AnswerFacts(
        dataset=dataset,
        kind="class",
        count=IMAGES,
        sha256=column.sha256,
        sketch=sketch_of(column),
        arithmetic=arithmetic,
    )


def pair(first: AnswerFacts, second: AnswerFacts, latency_ms: float = 10.1) -> list[BoardResult]:
    mine, theirs = result(1, "a"), result(2, "b", latency_ms, receipt=2)
    return [msgspec.structs.replace(mine, answers=first), msgspec.structs.replace(theirs, answers=second)]


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.1, 0.5])
def test_a_sketch_tells_the_share_of_equal_answers(wrong: float) -> None:
    share = equal_share(answers(0.0).sketch, answers(wrong).sketch)
    assert share == pytest.approx(1 - wrong, abs=0.1)


def test_alike_answers_are_a_reason() -> None:
    found = judged(pair(answers(0.0), answers(0.02))).judgements
    assert {each.state for each in found} <= {"plausible", "replicated"}
    for each in found:
        assert any(
            reason.startswith("its answers are those of 1 other contributor, at least 9") for reason in each.reasons
        )


def test_other_answers_are_disputed_on_both_sides() -> None:
    found = judged(pair(answers(0.0), answers(0.4))).judgements
    assert [each.state for each in found] == ["disputed", "disputed"]
    assert [each.others for each in found] == [("r2",), ("r1",)]
    assert "its answers contradict those of 1 other contributor for the same model and data" in found[0].reasons[0]


def test_one_answer_decides_where_arithmetic_is_equal() -> None:
    one_other = 1 / IMAGES
    equal = judged(pair(answers(0.0, "x"), answers(one_other, "x"))).judgements
    alike = judged(pair(answers(0.0, "x"), answers(one_other, "y"))).judgements
    assert {each.state for each in equal} == {"disputed"}
    assert "disputed" not in {each.state for each in alike}


def test_a_majority_overrules_one_contradiction() -> None:
    results = [
        msgspec.structs.replace(result(number, f"key-{number}", receipt=number), answers=answers(wrong))
        for number, wrong in enumerate((0.0, 0.0, 0.0, 0.5), 1)
    ]
    found = judged(results).judgements
    assert found[3].state == "disputed"
    assert "disputed" not in {each.state for each in found[:3]}


def test_answers_to_other_images_are_not_compared() -> None:
    found = judged(pair(answers(0.0), answers(0.5, dataset="other"))).judgements
    assert "disputed" not in {each.state for each in found}


def test_a_contributors_own_answers_say_nothing() -> None:
    results = [msgspec.structs.replace(each, key="a") for each in pair(answers(0.0), answers(0.5))]
    assert "disputed" not in {each.state for each in judged(results).judgements}


def test_keys_with_other_answers_share_no_machine() -> None:
    results = [msgspec.structs.replace(each, machine="m") for each in pair(answers(0.0, "x"), answers(0.5, "x"))]
    assert shared_machines(results, {}) == {}
    results = [msgspec.structs.replace(each, machine="m") for each in pair(answers(0.0, "x"), answers(0.0, "x"))]
    assert shared_machines(results, {}) == {"a": ("b",), "b": ("a",)}


def test_a_latency_alone_is_judged_and_marked() -> None:
    mine, theirs = pair(answers(0.0), answers(0.0))
    alone = msgspec.structs.replace(theirs, kind="latency only", answers=None)
    found = judged([mine, alone]).judgements
    assert found[1].reasons[-1] == "latency only: its accuracy is copied from others, or unknown"
    assert found[0].reasons[-1] != found[1].reasons[-1]
