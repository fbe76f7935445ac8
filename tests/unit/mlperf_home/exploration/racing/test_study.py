"""A study finds the front, lists the undecided points, and resumes exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
import pytest
from msgspec.structs import replace
from table_meter import TableMeter

from mlperf_home.contracts.documents import schema_path
from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.exploration.definition.answer import AnswerSubject, to_json
from mlperf_home.exploration.definition.journal import Journal, JournalError
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.definition.space import SpaceError, decode_space, make_space
from mlperf_home.exploration.racing.study import Study
from mlperf_home.pareto.front import front
from mlperf_home.steps.exploring.options import known_space

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.studies.answer import Answer
    from mlperf_home.contracts.studies.journal import Observation
    from mlperf_home.exploration.definition.space import Point

SPACE = make_space(known_space("mobilenets"), "mobilenets")
ABOUT = AnswerSubject("mobilenets", False, "a-machine", {"latency_ms": "min", "top1_percent": "max"}, 0.95)
SCHEMA = json.loads(schema_path("answer").read_text("utf-8"))


def truth() -> tuple[dict[str, float], dict[str, float]]:
    random = np.random.default_rng(5)
    accuracies = {
        point.model: float(value) for point, value in zip(SPACE.points, random.uniform(40, 80, 81), strict=True)
    }
    latencies = {p.name: float(np.exp((accuracies[p.model] - 40) / 12 + random.uniform(0, 2))) for p in SPACE.points}
    return latencies, accuracies


LATENCIES, ACCURACIES = truth()
PRIORS = {model: Belief(value, 0.05, "published") for model, value in ACCURACIES.items()}
TRUE_FRONT = {
    point.name
    for point, keeps in zip(
        SPACE.points,
        front([(LATENCIES[p.name], ACCURACIES[p.model]) for p in SPACE.points], ("min", "max")),
        strict=True,
    )
    if keeps
}


def meter(noise: float = 0.03, **more: float) -> TableMeter:
    return TableMeter(LATENCIES, ACCURACIES, run_noise=noise, **more)


def names(standings: tuple[object, ...]) -> set[str]:
    return {each.point for each in standings}  # type: ignore[attr-defined]


def test_the_81_variants() -> None:
    assert len(SPACE.points) == len({point.name for point in SPACE.points}) == 81
    assert "mobilenet-v2/0.35/160/uint8" in {point.name for point in SPACE.points}
    document = known_space("mobilenets")
    threads = replace(document, axes={**document.axes, "threads": (1, 2, 4)})
    assert len(make_space(threads, "mobilenets").points) == 243


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.1])
def test_the_front_is_kept_and_each_point_has_one_place(noise: float) -> None:
    answer = Study(SPACE, meter(noise), PRIORS).run()
    kept = names(answer.front) | names(answer.undecided)

    assert kept >= TRUE_FRONT
    assert names(answer.front) <= TRUE_FRONT
    assert len(answer.front) + len(answer.undecided) + len(answer.dropped) == 81
    assert len(answer.dropped) > 40
    assert answer.work.share < 0.5


def test_a_dropped_point_names_what_dominates_it() -> None:
    answer = Study(SPACE, meter(), PRIORS).run()
    by_name = {point.name: point for point in SPACE.points}
    for each in answer.dropped:
        (by,) = each.against
        assert LATENCIES[by] < LATENCIES[each.point]
        assert ACCURACIES[by_name[by].model] > ACCURACIES[by_name[each.point].model]


def test_the_first_answer_predicts_remaining_work() -> None:
    answers: list[Answer] = []
    last = Study(SPACE, meter(), PRIORS, Settings(official="front")).run(answers.append)

    assert answers[0].work.left_s > 0
    assert last.work.left_s == 0
    assert all(each.official for each in last.front)


def test_drift_of_all_latencies_keeps_the_front() -> None:
    answer = Study(SPACE, meter(drift=0.3), PRIORS).run()

    assert names(answer.front) | names(answer.undecided) >= TRUE_FRONT


def test_a_check_finds_a_wrong_prior() -> None:
    victim = next(point for point in SPACE.points if point.name in TRUE_FRONT)
    wrong = PRIORS | {victim.model: Belief(PRIORS[victim.model].percent - 5, 0.05, "published")}
    answer = Study(SPACE, meter(0.01), wrong).run()

    assert victim.name in names(answer.front) | names(answer.undecided)
    (standing,) = [each for each in (*answer.front, *answer.undecided) if each.point == victim.name]
    assert standing.accuracy_source.startswith("measured on")
    low, high = standing.intervals["top1_percent"]
    assert low - 1 < ACCURACIES[victim.model] < high + 1


def test_points_of_one_model_are_compared_by_latency_alone() -> None:
    document = {
        "schema": 1,
        "name": "x",
        "axes": {"m": ["a"], "threads": [1, 2]},
        "model_axes": ["m"],
        "constraints": [],
    }
    space = make_space(decode_space(document, "x"), "x")
    meter = TableMeter({"a/threads=1": 2.0, "a/threads=2": 1.0}, {"a": 70.0}, run_noise=0.02)
    answer = Study(space, meter, {"a": Belief(70, 0.5, "published")}, Settings(rounds=40)).run()

    assert (names(answer.front), names(answer.dropped)) == ({"a/threads=2"}, {"a/threads=1"})


class Stopping(TableMeter):
    """A meter that is interrupted after a number of probes."""

    left = 10**9

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().probe(point, seconds, number)


def test_a_study_resumes_exactly(tmp_path: Path) -> None:
    path = tmp_path / "study.jsonl"
    identity = study_identity(SPACE, PRIORS, Settings())
    expected = Study(SPACE, meter(), PRIORS).run()
    stopping = Stopping(LATENCIES, ACCURACIES, run_noise=0.03)
    stopping.left = 200
    with Journal(path, identity) as journal, pytest.raises(KeyboardInterrupt):
        Study(SPACE, stopping, PRIORS, journal=journal).run()
    counting = Stopping(LATENCIES, ACCURACIES, run_noise=0.03)
    with Journal(path, identity) as journal:
        answer = Study(SPACE, counting, PRIORS, journal=journal).run()
    probes = sum('"probe/' in line for line in path.read_text().splitlines())

    assert to_json(answer, ABOUT) == to_json(expected, ABOUT)
    assert probes - 200 == 10**9 - counting.left


def test_only_the_observation_of_a_damaged_line_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "study.jsonl"
    identity = study_identity(SPACE, PRIORS, Settings())
    with Journal(path, identity) as journal:
        expected = Study(SPACE, meter(), PRIORS, journal=journal).run()
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace('"latency_ms": ', '"latency_ms": 1')
    path.write_text("\n".join(lines) + '\n{"crc32": 1, "ent')
    again = Stopping(LATENCIES, ACCURACIES, run_noise=0.03)
    with Journal(path, identity) as journal:
        answer = Study(SPACE, again, PRIORS, journal=journal).run()

    assert [text.split(": ")[1].split(" (")[0] for text in answer.warnings if "damaged" in text] == [
        "line 4 is damaged",
        f"line {len(lines) + 1} is damaged",
    ]
    assert again.left == 10**9 - 1
    others = tuple(text for text in answer.warnings if "damaged" not in text)
    assert to_json(replace(answer, warnings=others), ABOUT) == to_json(expected, ABOUT)


def test_a_journal_of_another_study_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.jsonl"
    with Journal(path, study_identity(SPACE, PRIORS, Settings())), pytest.raises(JournalError, match="in use"):
        Journal(path, study_identity(SPACE, PRIORS, Settings()))
    with pytest.raises(JournalError, match="another seed"):
        Journal(path, study_identity(SPACE, PRIORS, Settings(seed=1)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {}}, "space.json#/axes: expected `object` of length >= 1"),
        ({"axes": {"m": []}}, "space.json: axes/m: expected `array` of length >= 1"),
        ({"axes": {"m": ["a", "a"]}}, "has a value twice"),
        ({"model_axes": ["x"]}, "no axis 'x'"),
        ({"constraints": [{"when": {"m": ["b"]}, "only": {}}]}, "axis 'm' has no value 'b'"),
        ({"constraints": [{"when": {}, "only": {"m": []}}]}, "leave no point"),
        ({"more": 1}, "space.json: object contains unknown field `more`"),
        ({"axes": {"m": [True]}}, r"space.json: axes/m#/0: expected `.*`, got `bool`"),
        ({"constraints": [{"when": {}}]}, "space.json#/constraints/0: object missing required field `only`"),
        ({"schema": 2}, "space.json#/schema: invalid enum value 2"),
    ],
)
def test_an_invalid_space_is_refused_with_the_place(changes: dict[str, object], message: str) -> None:
    document = {"schema": 1, "name": "x", "axes": {"m": ["a"]}, "model_axes": ["m"], "constraints": []}
    with pytest.raises(SpaceError, match=message):
        make_space(decode_space(document | changes, "space.json"), "space.json")


def test_an_answer_conforms_to_its_schema() -> None:
    answer = Study(SPACE, meter(), PRIORS, Settings(official="front")).run()
    document = json.loads(to_json(answer, ABOUT))

    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    assert document["metrics"][1] == {"name": "top1_percent", "direction": "max"}
    work = document["work"]
    assert work["share"] > work["share_without_official"] > 0


def test_intervals_contain_the_truth_at_their_confidence() -> None:
    held = []
    for seed in range(4):
        answer = Study(SPACE, meter(0.03, seed=seed), PRIORS, Settings(official="none", risk=0.1)).run()
        for each in (*answer.front, *answer.undecided, *answer.dropped):
            low, high = each.intervals["latency_ms"]
            assert low < each.values["latency_ms"] < high
            held.append(low <= LATENCIES[each.point] <= high)

    assert 0.85 < sum(held) / len(held) < 0.95


def test_the_interval_of_an_accuracy_ends_at_100_percent() -> None:
    belief = Belief(70.0, 0.5, "published")

    assert belief.interval(0.05) == pytest.approx((69.02, 70.98), abs=0.01)
    assert Belief(99.9, 0.5, "published").interval(0.05)[1] == 100
