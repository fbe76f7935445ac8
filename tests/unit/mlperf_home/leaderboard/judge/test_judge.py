"""What the judge calls each result, with its reasons."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import pytest
from board_results import machine_results, result

from mlperf_home.contracts.codec import decode, encode
from mlperf_home.contracts.leaderboard.judging import JudgeAnswer, Judgement, JudgeRequest
from mlperf_home.contracts.leaderboard.keys import first_keys
from mlperf_home.leaderboard.judge.judge import Judge, judge_of

if TYPE_CHECKING:
    from mlperf_home.contracts.leaderboard.results import BoardResult


@cache
def the_judge() -> Judge:
    return judge_of("images")


def judged(results: list[BoardResult], **facts: object) -> JudgeAnswer:
    return the_judge().judge(JudgeRequest(results=tuple(results), **facts))


def states(answer: JudgeAnswer, results: list[BoardResult]) -> Counter[str]:
    names = {each.id for each in results}
    return Counter(each.state for each in answer.judgements if each.result in names)


def only(results: list[BoardResult], **facts: object) -> Judgement:
    return judged(results, **facts).judgements[0]


def test_a_lone_machine_is_plausible_at_best() -> None:
    mine = machine_results(5, "a")
    found = judged(mine)
    assert states(found, mine) == {"plausible": len(mine)}
    assert "no other contributor has this CPU" in " ".join(found.judgements[0].reasons)
    assert all(each.wanted and not each.credited for each in found.judgements)


def test_a_scaled_machine_is_plausible_at_best() -> None:
    mine, theirs = machine_results(5, "a", factor=0.7), machine_results(5, "b", start=500, receipt=2)
    theirs = [msgspec.structs.replace(each, of=msgspec.structs.replace(each.of, threads=2)) for each in theirs]
    found = judged([*mine, *theirs])
    assert states(found, mine) == {"plausible": len(mine)}


def test_two_contributors_replicate_each_other() -> None:
    mine, theirs = machine_results(5, "a"), machine_results(5, "b", start=500, receipt=2)
    found = judged([*mine, *theirs])
    counts = states(found, mine)
    assert counts["replicated"] > 0.9 * len(mine)
    agreed = next(each for each in found.judgements if each.state == "replicated")
    assert agreed.credited
    assert not agreed.wanted
    assert "the organiser vouches for none of these keys" in agreed.reasons
    vouched = judged([*mine, *theirs], vouched=("b",))
    assert not any("vouches" in reason for each in vouched.judgements for reason in each.reasons)


def test_contradicting_machines_are_disputed_on_both_sides() -> None:
    mine, theirs = machine_results(5, "a"), machine_results(5, "b", start=500, receipt=2, factor=1.4)
    found = judged([*mine, *theirs])
    assert states(found, mine)["disputed"] > 0.9 * len(mine)
    assert states(found, theirs)["disputed"] > 0.9 * len(mine)
    assert found.judgements[0].others == (theirs[0].id,)


def test_a_majority_outvotes_one_liar() -> None:
    honest = [each for n, key in enumerate("abc") for each in machine_results(5, key, start=500 * n, receipt=n + 1)]
    liar = machine_results(5, "liar", start=2000, receipt=9, factor=0.7)
    found = judged([*honest, *liar])
    assert states(found, honest)["disputed"] < 0.2 * len(honest)
    assert states(found, liar)["disputed"] > 0.9 * len(liar)


def test_one_contributors_two_machines_replicate_nothing() -> None:
    mine, again = machine_results(5, "a"), machine_results(5, "a", start=500, receipt=2)
    assert states(judged([*mine, *again]), mine)["replicated"] == 0


def test_a_rotated_key_is_the_same_contributor() -> None:
    mine, again = machine_results(5, "a"), machine_results(5, "later", start=500, receipt=2)
    found = judged([*mine, *again], successors={"a": "later"})
    assert states(found, mine)["replicated"] == 0
    assert [each.key for each in found.keys] == ["a"]


def test_unsigned_results_are_neither_credited_nor_count() -> None:
    mine, unsigned = machine_results(5, "a"), machine_results(5, "", start=500, receipt=2)
    found = judged([*mine, *unsigned])
    assert states(found, mine)["replicated"] == 0
    assert not any(each.credited for each in found.judgements[len(mine) :])
    assert "unsigned: nobody answers for it" in found.judgements[-1].reasons


def test_single_lies_are_asked_for_again() -> None:
    mine, theirs = machine_results(5, "a"), machine_results(5, "b", start=500, receipt=2)
    theirs = [msgspec.structs.replace(each, of=msgspec.structs.replace(each.of, threads=2)) for each in theirs]
    lie = msgspec.structs.replace(mine[7], metrics={"latency_ms": 0.6 * mine[7].metrics["latency_ms"]})
    found = judged([*mine[:7], lie, *mine[8:], *theirs])
    assert found.judgements[7].state == "plausible"
    assert found.judgements[7].wanted
    assert states(found, mine)["consistent"] > 0.8 * len(mine)


def test_ten_consistent_results_make_a_key_trusted() -> None:
    first = machine_results(5, "a")
    other = machine_results(5, "b", start=500, receipt=2)
    other = [msgspec.structs.replace(each, of=msgspec.structs.replace(each.of, threads=2)) for each in other]
    later = machine_results(5, "a", start=1000, receipt=3)
    found = judged([*first, *other, *later])
    first_ones, later_ones = found.judgements[: len(first)], found.judgements[-len(later) :]
    assert all(each.wanted for each in first_ones)
    assert not any(each.wanted for each in later_ones if each.state == "consistent")
    assert next(each for each in found.keys if each.key == "a").trusted


def test_a_withdrawn_bundle_stays_visible_and_counts_not() -> None:
    mine, theirs = machine_results(5, "a"), machine_results(5, "b", start=500, receipt=2)
    found = judged([*mine, *theirs], withdrawn={"bundle-2": "2026-12-01"})
    assert states(found, theirs) == {"withdrawn": len(theirs)}
    assert states(found, mine)["replicated"] == 0


def test_results_after_a_keys_revocation_count_for_nothing() -> None:
    mine, theirs = machine_results(5, "a"), machine_results(5, "b", start=500, receipt=2)
    theirs = [msgspec.structs.replace(each, made_utc="2026-11-20T10:00:00+00:00") for each in theirs]
    before = judged([*mine, *theirs], revoked={"b": "2026-11-21"})
    after = judged([*mine, *theirs], revoked={"b": "2026-11-20"})
    assert states(before, mine)["replicated"] > 0
    assert states(after, mine)["replicated"] == 0
    assert states(after, theirs) == {"verified": len(theirs)}


def test_copied_logs_belong_to_the_first_receipt() -> None:
    mine, copy = result(1, "a"), result(2, "b", receipt=2, logs=("log-1",))
    found = judged([mine, copy])
    assert found.judgements[0].state == "plausible"
    assert found.judgements[1].state == "disputed"
    assert "receipt 1" in found.judgements[1].reasons[0]


def test_copied_logs_of_one_batch_are_disputed_on_both_sides() -> None:
    mine, copy = result(1, "a"), result(2, "b", receipt=2, batch=1, logs=("log-1",))
    assert [each.state for each in judged([mine, copy]).judgements] == ["disputed", "disputed"]


def test_ones_own_logs_count_once() -> None:
    mine, again = result(1, "a"), result(2, "a", receipt=2, logs=("log-1",))
    assert judged([mine, again]).judgements[1].reasons == ("repeats the logs of receipt 1",)


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"latency_ms": 10.0, "latency_p50.00_ms": 11.0, "latency_p90.00_ms": 10.0}, "more than latency_p90"),
        ({"latency_ms": 0.0001}, "million multiplications"),
        ({"latency_ms": 10.0, "top1_percent": 72.9, "dataset_samples": 50000.0}, "range of published machines"),
        ({"latency_ms": 10.0, "mean_latency_ms": 10.0, "queries_per_second": 120.0}, "exclude each other"),
    ],
)
def test_impossible_results_are_only_verified(metrics: dict[str, float], reason: str) -> None:
    found = only([result(1, metrics=metrics)])
    assert found.state == "verified"
    assert reason in found.reasons[0]


def test_a_larger_model_that_is_faster_is_named() -> None:
    names = [f"mobilenet-v1/1.0/{side}/fp32" for side in (128, 160, 192, 224)]
    found = judged(
        [result(n, model=name, latency_ms=ms) for n, (name, ms) in enumerate(zip(names, (3, 4, 6, 2), strict=True))]
    )
    assert [each.state for each in found.judgements] == ["plausible", "plausible", "plausible", "verified"]


def test_published_rows_are_a_class_of_their_own() -> None:
    found = only([result(1, "", kind="published", bundle="", logs=())])
    assert (found.state, found.wanted, found.credited) == ("published", False, False)


def test_a_published_machine_anchors_a_level() -> None:
    mine = machine_results(5, "a")
    published = [
        msgspec.structs.replace(each, kind="published", key="", bundle="", logs=())
        for each in machine_results(5, "", start=500, receipt=0)
    ]
    found = judged([*mine, *published])
    assert states(found, mine)["consistent"] > 0.7 * len(mine)


def test_results_too_good_in_a_row_are_named() -> None:
    every = [each for n, of in enumerate((5, 8, 11, 14)) for each in machine_results(of, "a", start=500 * n, receipt=n)]
    lies = [
        msgspec.structs.replace(each, metrics={"latency_ms": each.metrics["latency_ms"] * (0.5 if n % 6 == 0 else 1)})
        for n, each in enumerate(every)
    ]
    assert any("too good in a row" in doubt for doubt in judged(lies).keys[0].doubts)


def test_keys_with_one_machine_are_named() -> None:
    found = judged([result(1, "a", machine="m"), result(2, "b", machine="m", receipt=2)])
    assert ["machines with the same facts" in each.doubts[0] for each in found.keys] == [True, True]


def test_several_attempts_are_named() -> None:
    assert "up to 4 attempts" in judged([result(1, runs=4)]).keys[0].doubts[0]


def test_the_order_of_results_changes_no_state() -> None:
    results = [*machine_results(5, "a"), *machine_results(5, "b", start=500, receipt=2)]
    forward = {each.result: each for each in judged(results).judgements}
    backward = {each.result: each for each in judged(results[::-1]).judgements}
    assert forward == backward


def test_samples_never_meet_real_results() -> None:
    mine = machine_results(5, "a")
    samples = [msgspec.structs.replace(each, sample=True) for each in machine_results(5, "b", start=500, receipt=2)]
    assert states(judged([*mine, *samples]), mine)["replicated"] == 0


def test_a_circle_of_keys_is_cut() -> None:
    assert set(first_keys({"a": "b", "b": "a"})) == {"a", "b"}


def test_requests_and_answers_survive_their_files() -> None:
    request = JudgeRequest(results=(result(1),), withdrawn={"x": "2026-12-01"})
    assert decode(encode(request), JudgeRequest, "request") == request
    answer = judged([result(1)])
    assert decode(encode(answer), JudgeAnswer, "answer") == answer
