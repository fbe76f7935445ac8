"""A study: rounds of probes, checks of accuracy, official runs of what is left; see docs/exploration.md."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.exploration.answer import Answer, Standing, Work, exhaustive_s, official_s
from mlperf_home.exploration.beliefs import DATASET_IMAGES, Belief, checked, measured, unknown_belief
from mlperf_home.exploration.meter import AccuracyCount, Observation
from mlperf_home.exploration.pareto import front
from mlperf_home.exploration.racing import MOST_POINTS, Gaps, Verdict, belief_gaps, judge, probe_bounds, probe_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from mlperf_home.exploration.journal import Journal
    from mlperf_home.exploration.meter import Meter
    from mlperf_home.exploration.space import Space

ACCURACY = "top1_percent"
OFFICIAL_RUNS = ("none", "front", "kept")


@dataclass(frozen=True)
class Settings:
    """How a study goes on.

    Attributes:
        metrics: the metrics that probes give, less is better, compared as ratios; top-1 is the other metric.
        risk: the chance that any point is dropped or called front wrongly in the whole study.
        rounds: of probes at most.
        first_probe_s: how long a probe lasts at first.
        longer_every: after so many rounds probes last twice as long.
        check_after: the round after which accuracies are checked; until then a prior may be wrong by `doubt_points`.
        doubt_points: how wrong a prior may be.
        official: which points get official runs: none, the front, or what was kept (with the undecided).
        full_accuracy: whether what is kept is measured on the whole dataset.
        seed: of the order within rounds.
    """

    metrics: tuple[str, ...] = ("latency_ms",)
    risk: float = 0.05
    rounds: int = 20
    first_probe_s: float = 1.0
    longer_every: int = 10
    check_after: int = 3
    doubt_points: float = 3.0
    official: str = "front"
    full_accuracy: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if not self.metrics:
            raise ValueError("metrics must name what probes give, for instance latency_ms")
        if not 0 < self.risk < 0.5:  # noqa: PLR2004 - beyond it, a coin is as good
            raise ValueError(f"risk must lie between 0 and 0.5, got {self.risk}")
        if self.official not in OFFICIAL_RUNS:
            raise ValueError(f"official must be one of {', '.join(OFFICIAL_RUNS)}, got {self.official!r}")
        if not 2 <= self.check_after <= self.rounds:  # noqa: PLR2004 - one probe tells no noise
            raise ValueError("check_after must be at least 2 and at most rounds")
        if self.first_probe_s <= 0 or self.longer_every < 1:
            raise ValueError("first_probe_s must be above 0 and longer_every at least 1")

    def probe_s(self, number: int) -> float:
        """How long a probe of round `number` (from 0) lasts."""
        return float(self.first_probe_s * 2 ** (number // self.longer_every))


class Study:
    """A race over a space; with a journal it goes on where it was."""

    def __init__(
        self,
        space: Space,
        meter: Meter,
        priors: Mapping[str, Belief],
        settings: Settings | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Set a study up; nothing is measured yet.

        Args:
            space: the points.
            meter: what measures them.
            priors: accuracies by model; a model without one is measured on the whole dataset if it matters.
            settings: how it goes on.
            journal: where observations are kept; made with `study_identity`.

        Raises:
            ValueError: more points than a race can compare.
        """
        if len(space.points) > MOST_POINTS:
            raise ValueError(f"a race compares at most {MOST_POINTS} points, the space has {len(space.points)}")
        self.space, self.settings = space, settings or Settings()
        self._meter, self._journal = meter, journal
        self.points = space.points
        count = len(self.points)
        models = np.array([point.model for point in self.points])
        self._same_model = models[:, None] == models[None, :]
        self._beliefs = [priors.get(point.model, unknown_belief()) for point in self.points]
        self._was_checked = np.zeros(count, dtype=np.bool_)
        self._alive = np.ones(count, dtype=np.bool_)
        self._dominator = np.full(count, -1)
        self._probes: list[NDArray[np.float64]] = []  # a round each: (points, metrics), logarithms
        self._spent_s: dict[str, float] = {"probe": 0.0, "check": 0.0, "official": 0.0}
        self._official: dict[int, Observation] = {}
        self._warnings: list[str] = list(journal.damages) if journal else []
        self._random = np.random.default_rng(self.settings.seed)
        self._comparison_risk = self.settings.risk / (count * (self.settings.rounds + 2))
        self._contested: NDArray[np.bool_] = self._alive.copy()

    def run(self, told: Callable[[Answer], None] = lambda _: None) -> Answer:
        """Run to the end; `told` hears how it stands after each round."""
        for number in range(self.settings.rounds):
            self._probe_round(number)
            if number + 1 < self.settings.check_after:
                continue
            if number + 1 == self.settings.check_after:
                self._drop(self._judged(self.settings.doubt_points))
                self._check(np.flatnonzero(self._alive))
            verdict = self._judged()
            self._drop(verdict)
            pairs = verdict.open_pairs
            self._contested = pairs.any(axis=0) | pairs.any(axis=1)
            told(self._answer(verdict, number + 1))
            if not self._contested.any():
                break
        return self._finish()

    def _finish(self) -> Answer:
        if self.settings.full_accuracy:
            for index in np.flatnonzero(self._alive):
                self._measure_fully(int(index))
            self._drop(self._judged())
        verdict = self._judged()
        for index in self._for_official_runs(verdict):
            self._run_officially(index)
        return self._answer(verdict, self.settings.rounds)

    def _for_official_runs(self, verdict: Verdict) -> list[int]:
        chosen = {"none": np.zeros_like(self._alive), "front": verdict.front, "kept": self._alive}
        return [int(index) for index in np.flatnonzero(chosen[self.settings.official])]

    def _probe_round(self, number: int) -> None:
        seconds = self.settings.probe_s(number)
        row = np.full((len(self.points), len(self.settings.metrics)), np.nan)
        for index in self._random.permutation(np.flatnonzero(self._contested)):
            point = self.points[index]
            observed = self._observed(
                f"probe/{number}/{point.name}", "probe", partial(self._meter.probe, point, seconds, number)
            )
            row[index] = [math.log(observed.values[metric]) for metric in self.settings.metrics]
        self._probes.append(row)

    def _observed(self, key: str, kind: str, measure: Callable[[], Observation]) -> Observation:
        kept = self._journal.find(key) if self._journal else None
        observed = Observation(**kept) if kept else measure()
        for metric in self.settings.metrics:
            value = observed.values.get(metric)
            if value is None or not 0 < value < math.inf:
                raise ValueError(f"{key}: {metric} must be a positive number, got {value}")
        if self._journal and kept is None:
            self._journal.add(key, asdict(observed))
        self._spent_s[kind] += observed.cost_s
        return observed

    def _counted(self, index: int, images: int) -> AccuracyCount:
        point = self.points[index]
        key = f"check/{images}/{point.model}"
        kept = self._journal.find(key) if self._journal else None
        count = AccuracyCount(**kept) if kept else self._meter.check(point, images)
        if self._journal and kept is None:
            self._journal.add(key, asdict(count))
        self._spent_s["check"] += count.cost_s
        return count

    def _check(self, indices: Iterable[int]) -> None:
        for index in indices:
            if self._was_checked[index]:
                continue
            belief = checked(self._beliefs[index], partial(self._counted, int(index)))
            self._believe(int(index), belief)

    def _measure_fully(self, index: int) -> None:
        if self._beliefs[index].sd > 0:
            self._believe(index, measured(self._counted(index, DATASET_IMAGES)))

    def _believe(self, index: int, belief: Belief) -> None:
        for each in np.flatnonzero(self._same_model[index]):
            self._beliefs[each] = belief
            self._was_checked[each] = True

    def _run_officially(self, index: int) -> None:
        point = self.points[index]
        observed = self._observed(f"official/{point.name}", "official", partial(self._meter.official, point))
        self._official[index] = observed

    def _judged(self, doubt_points: float = 0.0) -> Verdict:
        table = np.stack(self._probes)
        gaps = [probe_gaps(table[:, :, place]) for place in range(table.shape[2])]
        gaps.append(self._accuracy_gaps(doubt_points))
        return judge(gaps, self._alive, self._comparison_risk)

    def _accuracy_gaps(self, doubt_points: float) -> Gaps:
        values = np.array([-each.percent for each in self._beliefs], dtype=np.float64)
        variances = np.array([each.sd**2 for each in self._beliefs], dtype=np.float64)
        found = belief_gaps(values, variances, self._same_model)
        if not doubt_points:
            return found
        # Nobody is better before the difference is more than two priors may be wrong by.
        far = np.abs(values[:, None] - values[None, :]) > 2 * doubt_points
        return Gaps(np.where(far, found.gaps, 0.0), found.equal, found.degrees)

    def _drop(self, verdict: Verdict) -> None:
        gone = self._alive & (verdict.dominator >= 0)
        self._dominator[gone] = verdict.dominator[gone]
        self._alive &= ~gone

    def _answer(self, verdict: Verdict, done: int) -> Answer:
        latencies = self._means()
        likely = self._likely(latencies) | verdict.front
        standings = [
            self._standing(index, verdict, (latencies[index], bool(likely[index])), intervals)
            for index, intervals in enumerate(self._intervals())
        ]
        undecided = self._alive & ~verdict.front
        return Answer(
            tuple(standings[index] for index in np.flatnonzero(self._alive & verdict.front)),
            tuple(standings[index] for index in np.flatnonzero(undecided)),
            tuple(standings[index] for index in np.flatnonzero(~self._alive)),
            Work(
                dict(self._spent_s),
                sum(exhaustive_s(float(row[0])) for row in latencies),
                self._left_s(verdict, done, latencies),
            ),
            tuple(self._warnings),
        )

    def _means(self) -> NDArray[np.float64]:
        """Shape (points, metrics): geometric means of the probes."""
        return np.asarray(np.exp(np.nanmean(np.stack(self._probes), axis=0)))

    def _likely(self, latencies: NDArray[np.float64]) -> NDArray[np.bool_]:
        values = np.column_stack([latencies, [each.percent for each in self._beliefs]])
        likely = np.zeros(len(values), dtype=np.bool_)
        likely[self._alive] = front(values[self._alive], ("min",) * latencies.shape[1] + ("max",))
        return likely

    def _standing(
        self,
        index: int,
        verdict: Verdict,
        known: tuple[NDArray[np.float64], bool],
        intervals: dict[str, tuple[float, float]],
    ) -> Standing:
        belief, (means, likely) = self._beliefs[index], known
        values = {name: float(value) for name, value in zip(self.settings.metrics, means, strict=True)}
        if math.isfinite(belief.sd):
            values[ACCURACY] = belief.percent
        against: list[int] = []
        if not self._alive[index]:
            against = [int(self._dominator[index])]
        elif not verdict.front[index]:
            against = [int(each) for each in np.flatnonzero(verdict.open_pairs[:, index])]
        official = self._official.get(index)
        return Standing(
            self.points[index].name,
            values,
            belief.source,
            tuple(self.points[each].name for each in against),
            dict(official.values) if official else {},
            likely,
            self.points[index].model,
            intervals,
        )

    def _intervals(self) -> list[dict[str, tuple[float, float]]]:
        """Give each point's intervals, by metric."""
        table, risk = np.stack(self._probes), self.settings.risk
        found: list[dict[str, tuple[float, float]]] = [{} for _ in self.points]
        for place, name in enumerate(self.settings.metrics):
            bounds = np.exp(probe_bounds(table[:, :, place], risk))
            for index in np.flatnonzero(~np.isnan(bounds[0])):
                found[index][name] = (float(bounds[0, index]), float(bounds[1, index]))
        for index, belief in enumerate(self._beliefs):
            if math.isfinite(belief.sd):
                found[index][ACCURACY] = belief.interval(risk)
        return found

    def _left_s(self, verdict: Verdict, done: int, latencies: NDArray[np.float64]) -> float:
        rounds = sum(self.settings.probe_s(number) for number in range(done, self.settings.rounds))
        waiting = [index for index in self._for_official_runs(verdict) if index not in self._official]
        official = sum(official_s(float(latencies[index, 0])) for index in waiting)
        full = [index for index in np.flatnonzero(self._alive) if self._beliefs[index].sd > 0]
        images = DATASET_IMAGES / 1000 * sum(float(latencies[index, 0]) for index in full)
        return rounds * int(self._contested.sum()) + official + (images if self.settings.full_accuracy else 0.0)


def study_identity(space: Space, priors: Mapping[str, Belief], settings: Settings) -> dict[str, Any]:
    """Say what a study is, for its journal: a journal is resumed only by the same study."""
    return {
        "space": {"name": space.name, "points": [point.name for point in space.points]},
        "priors": {model: [belief.percent, belief.sd] for model, belief in sorted(priors.items())},
        "settings": asdict(settings),
    }
