"""A point that fails is left out with a warning; the points that it dominated re-enter the race."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from table_meter import TableMeter

from mlperf_home.contracts.studies.journal import AccuracyCount, Observation
from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.exploration.definition.journal import Journal
from mlperf_home.exploration.definition.meter import PointFailedError
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.definition.space import decode_space, make_space
from mlperf_home.exploration.optuna_search import Budget, search
from mlperf_home.exploration.racing.study import Study, StudyError

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.studies.answer import Answer, Standing
    from mlperf_home.exploration.definition.space import Point

LATENCIES = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 10.0}
ACCURACIES = {"a": 60.0, "b": 70.0, "c": 65.0, "d": 80.0}
SPACE = make_space(
    decode_space(
        {"schema": 1, "name": "four", "axes": {"m": list("abcd")}, "model_axes": ["m"], "constraints": []}, "four"
    ),
    "four",
)
PRIORS = {model: Belief(value, 0.05, "published") for model, value in ACCURACIES.items()}


class Breaking(TableMeter):
    """A meter that fails for one point: from its n-th probe on, or in one kind of run."""

    victim, kind, since, tries = "b", "probe", 0, 0

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        self._break(point, "probe", number >= self.since)
        return super().probe(point, seconds, number)

    def official(self, point: Point) -> Observation:
        self._break(point, "official", True)
        return super().official(point)

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        self._break(point, "check", True)
        return super().check(point, first, last)

    def _break(self, point: Point, kind: str, now: bool) -> None:
        if now and kind == self.kind and self.victim in {point.name, "all"}:
            self.tries += 1
            raise PointFailedError(point.name, "the engine crashed", "see the log")


def breaking(kind: str, victim: str = "b", since: int = 0) -> Breaking:
    meter = Breaking(LATENCIES, ACCURACIES, run_noise=0.01)
    meter.kind, meter.victim, meter.since = kind, victim, since
    return meter


def by_name(standings: tuple[Standing, ...]) -> dict[str, Standing]:
    return {each.point: each for each in standings}


@pytest.mark.parametrize(("kind", "since"), [("probe", 0), ("probe", 2), ("check", 0), ("official", 0)])
def test_points_that_a_failed_one_dominated_reenter_the_race(kind: str, since: int) -> None:
    answer = Study(SPACE, breaking(kind, since=since), PRIORS).run()

    failed = by_name(answer.dropped)["b"]
    assert (failed.failed, failed.against) == ("the engine crashed", ())
    # Without b nothing dominates c.
    assert {"a", "c", "d"} == {each.point for each in (*answer.front, *answer.undecided)}
    assert "b failed and is left out: the engine crashed; see the log" in answer.warnings


def summary(answer: Answer) -> list[tuple[str, str, tuple[str, ...]]]:
    parts = (answer.front, answer.undecided, answer.dropped)
    return [(each.point, each.failed, each.against) for part in parts for each in part]


@pytest.mark.parametrize("kind", ["probe", "check", "official"])
def test_a_stored_failure_is_not_tried_again(tmp_path: Path, kind: str) -> None:
    path, identity = tmp_path / "journal.jsonl", study_identity(SPACE, PRIORS, Settings())
    with Journal(path, identity) as journal:
        first = Study(SPACE, breaking(kind), PRIORS, journal=journal).run()
    again = breaking(kind)
    with Journal(path, identity) as journal:
        second = Study(SPACE, again, PRIORS, journal=journal).run()

    assert summary(second) == summary(first)
    assert again.tries == 0


def test_a_study_whose_points_all_fail_is_an_error() -> None:
    with pytest.raises(StudyError, match=r"every point has failed; the last error: .*the engine crashed"):
        Study(SPACE, breaking("probe", "all"), PRIORS).run()


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_search_continues_after_a_failure(sampler: str) -> None:
    pytest.importorskip("optuna")
    answer = search(SPACE, breaking("official"), sampler, Budget(1e9))

    assert by_name(answer.dropped)["b"].failed
    assert {each.point for each in answer.front} <= {"a", "c", "d"}


def test_more_throughput_is_better() -> None:
    class Throughput(TableMeter):
        def _observation(self, point: Point, queries: int, duration_s: float, number: int) -> Observation:
            run = super()._observation(point, queries, duration_s, number)
            return Observation({"samples_per_second": 1000 / run.values["latency_ms"]}, run.query_count, run.cost_s)

    settings = Settings(metrics=("samples_per_second",), accuracy="f1_percent")
    answer = Study(SPACE, Throughput(LATENCIES, ACCURACIES, run_noise=0.01), PRIORS, settings).run()

    assert {each.point for each in answer.front} == {"a", "b", "d"}
    (dropped,) = answer.dropped
    assert (dropped.point, dropped.against) == ("c", ("b",))
    low, high = dropped.intervals["samples_per_second"]
    assert low < dropped.values["samples_per_second"] < high
    assert dropped.values["samples_per_second"] == pytest.approx(333, rel=0.05)
    assert settings.directions == {"samples_per_second": "max", "f1_percent": "max"}
