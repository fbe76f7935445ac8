"""The answer: constraints, a ranking within each runtime class, prices, and the nearest where none fits."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from board_results import result

from mlperf_home.contracts.leaderboard.judging import Judgement, MachinePredictions, PredictedLatency
from mlperf_home.contracts.leaderboard.results import MachineClass
from mlperf_home.leaderboard.answer.choices import choices, predicted_choices
from mlperf_home.leaderboard.answer.comparison import head_to_head
from mlperf_home.leaderboard.answer.export import choice_row, write_rows
from mlperf_home.leaderboard.answer.groups import front_of
from mlperf_home.leaderboard.answer.recommendation import Constraint, best_of_each_cpu, recommend, sentence
from mlperf_home.leaderboard.board_tables import choice_sections, contributor_section, wanted_section
from mlperf_home.leaderboard.published_rows import published_rows
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import JudgedResult
from mlperf_home.measurements.prices import Price, Prices

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.judging import State

FAST, SLOW = MachineClass(cpu="Fast CPU", cores=8, runtime="litert"), MachineClass(cpu="Slow CPU", runtime="litert")
OTHER = MachineClass(cpu="Fast CPU", cores=8, runtime="tflite-cpp")
PRICES = Prices("prices.json", "USD", (Price("*fast*", 1.0), Price("*slow*", 0.1)))


def judged(
    number: int, of: MachineClass, latency_ms: float, state: State = "consistent", **changes: object
) -> JudgedResult:
    metrics = {"latency_ms": latency_ms, "top1_percent": 71.0}
    made = result(number, of=of, **{"metrics": metrics, "key": f"key-{number}", "machine": f"m-{number}", **changes})
    return JudgedResult(made, Judgement(result=made.id, state=state, reasons=("because",), wanted=state == "plausible"))


BOARD = [judged(1, FAST, 4.0), judged(2, FAST, 5.0), judged(3, SLOW, 9.0), judged(4, OTHER, 1.0)]
LITERT = [Constraint("top1_percent", 70.0, least=True), Constraint("latency_ms", 10.0, least=False)]


def test_choices_are_medians_with_their_range() -> None:
    first = next(each for each in choices(BOARD) if each.key.cpu == "Fast CPU" and each.key.runtime == "litert")
    assert first.amounts["latency_ms"] == (4.5, 4.0, 5.0)
    assert (first.contributors, first.machines, first.state) == (2, 2, "consistent")


@pytest.mark.parametrize("state", ["withdrawn", "disputed", "verified"])
def test_results_that_nobody_should_believe_are_left_out(state: State) -> None:
    assert choices([judged(1, FAST, 1.0, state)]) == []


def test_runtimes_are_never_compared() -> None:
    answers = recommend(choices(BOARD), LITERT, "speed")
    assert {answer.runtime: len(answer.fitting) for answer in answers} == {"litert": 2, "tflite-cpp": 1}
    assert "litert, with at least 70 % top-1 and at most 10 ms, the fastest measured machine is Fast CPU" in sentence(
        answers[0], LITERT, "speed"
    )


def test_the_cheapest_needs_prices() -> None:
    answers = recommend(choices(BOARD), LITERT, "cost", PRICES)
    litert = next(answer for answer in answers if answer.runtime == "litert")
    assert [each.key.cpu for each in litert.fitting] == ["Slow CPU", "Fast CPU"]
    assert litert.fitting[0].cost_per_million == pytest.approx(0.1 * 9.0 / 3.6)
    assert recommend(choices(BOARD), LITERT, "cost")[0].fitting == ()


def test_the_nearest_is_named_where_none_fits() -> None:
    wishes = [Constraint("latency_ms", 2.0, least=False), Constraint("top1_percent", 70.0, least=True)]
    litert = next(each for each in recommend(choices(BOARD), wishes, "speed") if each.runtime == "litert")
    assert "no machine fits; the nearest is Fast CPU" in sentence(litert, wishes, "speed")
    assert [str(each) for each in litert.missed] == ["at most 2 ms"]


def test_an_unknown_value_fits_no_constraint() -> None:
    wishes = [Constraint("energy_per_sample_j", 1.0, least=False)]
    answer = recommend(choices(BOARD), wishes, "speed")[0]
    assert (answer.fitting, answer.nearest, answer.unknown) == ((), None, 2)
    assert "nothing is known of J a sample" in sentence(answer, wishes, "speed")


def test_predictions_are_marked_and_come_last() -> None:
    model = "mobilenet-v1/0.5/224/fp32"
    known = [*BOARD, judged(9, SLOW, 3.0, model=model)]
    machine = MachinePredictions(machine="r1", latencies=(PredictedLatency(model, 0.5, 0.3, 0.9),))
    found = choices(known)
    predicted = list(predicted_choices([machine], known, found))
    assert [(each.origin, each.amounts["latency_ms"].low) for each in predicted] == [("predicted", 0.3)]
    litert = recommend([*found, *predicted], LITERT, "speed")[0]
    assert litert.fitting[-1].origin == "predicted"
    assert litert.fitting[-1].amounts["top1_percent"].value == 71.0


def test_a_measured_model_is_not_predicted_beside() -> None:
    machine = MachinePredictions(machine="r1", latencies=(PredictedLatency(BOARD[0].result.model, 1.0, 1.0, 1.0),))
    assert list(predicted_choices([machine], BOARD, choices(BOARD))) == []


def test_published_rows_alone_give_an_answer() -> None:
    answers = recommend(choices((), published_rows("images")), LITERT, "speed")
    assert answers[0].fitting
    assert {each.origin for answer in answers for each in answer.fitting} == {"published"}
    assert "the fastest published result is" in sentence(answers[0], LITERT, "speed")
    best = best_of_each_cpu(answers[0])
    assert len({each.key.cpu for each in best}) == len({(each.key.cpu, each.key.cores) for each in best})


def test_the_front_holds_what_nothing_dominates() -> None:
    worse = judged(5, SLOW, 20.0, metrics={"latency_ms": 20.0, "top1_percent": 60.0})
    better = judged(6, SLOW, 20.0, model="big", metrics={"latency_ms": 20.0, "top1_percent": 80.0})
    names = [(each.key.cpu, each.key.model) for each in front_of(choices([BOARD[0], worse, better]))]
    assert names == [("Fast CPU", BOARD[0].result.model), ("Slow CPU", "big")]


def test_two_cpus_head_to_head_tell_real_differences() -> None:
    first = [result(n, latency_ms=10.0 + 0.01 * n) for n in range(4)]
    second = [result(n + 10, latency_ms=20.0 + 0.01 * n) for n in range(4)]
    found = head_to_head(first, second)
    assert found[0].words.endswith("different")
    assert found[0].found.ratio == pytest.approx(2.0, rel=0.01)
    assert head_to_head(first[:1], second[:1])[0].words.endswith("cannot be told")


@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_choices_are_written_whole(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"choices{ending}"
    write_rows(
        [choice_row(each) for each in choices([judged(1, MachineClass(cpu="=HYPERLINK()", runtime="litert"), 4.0)])],
        path,
    )
    text = path.read_text()
    row = json.loads(text)[0] if ending == ".json" else next(csv.DictReader(text.splitlines()))
    assert row["notice"] == "not verified by MLCommons"
    assert row["cpu"] == ("=HYPERLINK()" if ending == ".json" else "'=HYPERLINK()")


@pytest.mark.parametrize("name", ["choices.txt", "missing/choices.csv"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BoardError):
        write_rows([choice_row(each) for each in choices(BOARD)], tmp_path / name)


def test_tables_are_ranked_and_cut() -> None:
    many = [judged(n, MachineClass(cpu=f"CPU {n}", runtime="litert"), 1.0 + n) for n in range(30)]
    section = choice_sections(choices(many), pareto=False)[0]
    assert "30 choices; 10 more" in section.title
    assert section.rows[0][:2] == ("1", "CPU 0")


def test_contributors_are_credited_for_valid_work() -> None:
    credited = JudgedResult(BOARD[0].result, Judgement(result="r1", state="replicated", credited=True))
    rows = contributor_section([credited, BOARD[1]], {"vouched": {"key-1": "yes"}}, {}).rows
    assert [(row[1], row[2], row[6]) for row in rows] == [("1", "0", "yes"), ("0", "0", "no")]


def test_what_is_wanted_has_its_reason() -> None:
    rows = wanted_section([judged(1, FAST, 1.0, "plausible"), BOARD[1]]).rows
    assert [row[-1] for row in rows] == ["because"]


def test_a_measured_accuracy_goes_before_copied_ones() -> None:
    def of(number: int, kind: str, percent: float) -> JudgedResult:
        made = judged(number, MachineClass(cpu="CPU", runtime="litert"), 1.0)
        metrics = {"latency_ms": 1.0, "top1_percent": percent}
        return JudgedResult(msgspec.structs.replace(made.result, kind=kind, metrics=metrics), made.judgement)

    alone, whole = of(1, "latency only", 99.0), of(2, "measured", 70.0)
    (copied,) = choices([alone])
    (both,) = choices([alone, whole])
    assert (copied.latency_only, copied.value("top1_percent")) == (True, 99.0)
    assert (both.latency_only, both.value("top1_percent")) == (False, 70.0)
    assert copied.state_words.endswith(", latency only")
    assert "(copied)" in choice_sections([copied], pareto=False)[0].rows[0][4]
