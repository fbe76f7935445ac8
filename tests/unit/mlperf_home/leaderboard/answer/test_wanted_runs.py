"""What is wanted: workflows on classes of machines, with the places of fronts that they would settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from board_results import result
from board_sites import HOSTILE, data_of

from mlperf_home.contracts.codec import decode, encode
from mlperf_home.contracts.leaderboard.judging import MachinePredictions, PredictedLatency
from mlperf_home.contracts.leaderboard.results import MachineClass
from mlperf_home.contracts.leaderboard.wanted_list import MOST_RUNS, WantedList
from mlperf_home.leaderboard.answer.choices import predicted_choices
from mlperf_home.leaderboard.answer.wanted_runs import wanted_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult


def measured(number: int, time_ms: float, percent: float, **changes: Any) -> BoardResult:
    metrics = {"latency_ms": time_ms, "top1_percent": percent}
    path = f"results/mobilenets-tflite/{number}/measurement.json"
    return result(number, metrics=metrics, **{"model": f"model-{number}", "path": path, **changes})


def wanted(results: Sequence[BoardResult], *predictions: MachinePredictions) -> WantedList:
    data = data_of(results)
    every = [*data.every, *predicted_choices(predictions, data.results, data.every)]
    return wanted_list(data.settings, data.results, every, data.receipts, data.updated)


def test_results_of_one_workflow_and_class_are_one_run() -> None:
    found = wanted([measured(1, 1, 40, hours=2.0), measured(2, 2, 70, hours=4.0)])

    assert len(found.runs) == 1
    run = found.runs[0]
    assert (run.challenge, run.workflow, run.of.cpu, run.of.cores) == (
        "a-challenge",
        "mobilenets-tflite",
        "Some CPU",
        4,
    )
    assert (run.results, run.gain, run.hours, run.credit, run.keys) == (2, 2, 3.0, 2, ("key-1",))


@pytest.mark.parametrize(
    ("time_ms", "because"),
    [(1.9, "on the front, measured once"), (2.1, "near the front, measured once"), (2.5, None)],
)
def test_gain_is_the_undecided_places_of_fronts(time_ms: float, because: str | None) -> None:
    known = measured(1, 2, 70, path="experiments/x")
    found = wanted([known, measured(2, time_ms, 70)])

    assert [place.because for place in found.runs[0].places] == ([because] if because else [])
    assert found.runs[0].gain == (1 if because else 0)


def test_a_place_with_two_contributors_is_decided() -> None:
    results = [measured(1, 1, 70, model="m"), measured(2, 1, 70, model="m", key="key-2", receipt=2)]

    assert [run.gain for run in wanted(results).runs] == [0]


def test_a_predicted_model_on_the_front_is_a_gain() -> None:
    results = [measured(1, 5, 70), measured(2, 9, 80, of=MachineClass(cpu="Other", runtime="litert"))]
    predicted = MachinePredictions(machine="r1", latencies=(PredictedLatency("model-2", 4.0, 3.0, 5.0),))

    run = next(each for each in wanted(results, predicted).runs if each.of.cpu == "Some CPU")
    assert ("model-2", "on the front, predicted") in [(place.model, place.because) for place in run.places]
    assert run.credit == 2


def test_the_greatest_gain_goes_first() -> None:
    other = MachineClass(cpu="Other", runtime="litert")
    found = wanted([measured(1, 9, 40, of=other), measured(2, 1, 40), measured(3, 2, 70)])

    assert [(run.of.cpu, run.gain) for run in found.runs] == [("Some CPU", 2), ("Other", 0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "experiments/x/measurement.json"}, {"path": "results"}, {"path": f"results/{HOSTILE}/x"},
        {"path": "results/--unlocked/x"}, {"path": "results/../x"}, {"path": "results/a\n/x"},
        {"of": MachineClass(cpu="", runtime="x")}, {"of": MachineClass(cpu="x" * 201, runtime="x")},
    ],
    ids=str,
)  # fmt: skip
def test_what_nobody_could_run_again_is_left_out(changes: dict[str, Any]) -> None:
    assert wanted([measured(1, 1, 40, **changes)]).runs == ()


def test_hostile_names_stay_within_the_contract() -> None:
    of = MachineClass(cpu=HOSTILE, runtime=HOSTILE, confined=HOSTILE)
    found = wanted([measured(1, 1, 40, of=of, model="m" * 999)])

    assert decode(encode(found), WantedList, "list") == found
    assert len(found.runs) == 1


def test_a_long_list_says_what_it_leaves_out() -> None:
    results = [
        measured(number, 1, 40, of=MachineClass(cpu=f"CPU {number}", runtime="litert"), receipt=number)
        for number in range(MOST_RUNS + 5)
    ]
    found = wanted(results)

    assert (len(found.runs), found.left_out) == (MOST_RUNS, 5)


def test_an_empty_board_wants_nothing() -> None:
    assert wanted([]).runs == ()
