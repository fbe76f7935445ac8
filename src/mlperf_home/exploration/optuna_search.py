"""Searches by Optuna's samplers: whole measurements, one after another, until a budget is spent.

Requires the extra `explore`. Sources: docs/exploration.md.
"""

from __future__ import annotations

import math
import statistics
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.studies.answer import Answer, Standing, study_work
from mlperf_home.contracts.studies.race import Settings
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.meter import Meter, PointFailedError, failure_warning
from mlperf_home.exploration.definition.settings import sample_ms
from mlperf_home.pareto.front import dominates, front

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.exploration.definition.space import Point, Space

SAMPLERS = ("tpe", "nsga2")
_TRIALS_A_POINT = 2


class OptunaMissingError(LocatedError):
    """Optuna is not installed."""


@dataclass(frozen=True)
class Budget:
    """The limits of a search.

    Attributes:
        seconds: no measurement begins after so many.
        population: the population of NSGA-II.
        seed: the seed of the sampler.
    """

    seconds: float
    population: int = 10
    seed: int = 0


def search(
    space: Space,
    meter: Meter,
    sampler: str,
    budget: Budget,
    settings: Settings | None = None,
    on_answer: Callable[[Answer], None] = lambda _: None,
) -> Answer:
    """Measure the points that a sampler proposes: by an official run, and on the whole dataset.

    The samplers are multi-objective TPE and NSGA-II. A seed always proposes the same points, so a JournaledMeter
    resumes a search. Only the metrics and the protocol of `settings` are used. `on_answer` is called after each
    measurement. The front is by measured values without noise; points without a measurement are undecided.

    Raises:
        OptunaMissingError: Optuna is not installed.
        ValueError: the sampler is unknown.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {sampler!r}")
    state = _SearchState(space, meter, settings or Settings())
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError:
        raise OptunaMissingError("Optuna", "is not installed", "run pip install 'mlperf-home[explore]'") from None
    study = _study(optuna, sampler, budget, state.settings)
    for _ in range(_TRIALS_A_POINT * len(space.points)):
        trial = study.ask()
        point = propose(trial, space)
        if point.name not in state.values.keys() | state.failed.keys():
            if sum(state.spent_s.values()) >= budget.seconds:
                break
            state.measure(point)
            if state.values:
                on_answer(state.answer(budget.seconds))
        if point.name in state.failed:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, state.objectives(point))
    return state.answer(0.0)


def _study(optuna: Any, sampler: str, budget: Budget, settings: Settings) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna_sampler = (
            optuna.samplers.TPESampler(seed=budget.seed, multivariate=True, group=True)
            if sampler == "tpe"
            else optuna.samplers.NSGAIISampler(seed=budget.seed, population_size=budget.population)
        )
    directions = ["minimize" if direction == "min" else "maximize" for direction in settings.directions.values()]
    return optuna.create_study(directions=directions, sampler=optuna_sampler)


def propose(trial: Any, space: Space) -> Point:
    """Return the point of a trial's choices: one axis after another, among the values that are still possible."""
    points = list(space.points)
    for axis in space.axes:
        allowed = list(dict.fromkeys(point.values[axis] for point in points))
        if len(allowed) > 1:
            # Optuna requires the same choices whenever a name is used.
            value = trial.suggest_categorical(f"{axis} of {allowed}", allowed)
            points = [point for point in points if point.values[axis] == value]
    return points[0]


class _SearchState:
    """The measurements and failures of a search so far."""

    def __init__(self, space: Space, meter: Meter, settings: Settings) -> None:
        self.settings = settings
        self.values: dict[str, dict[str, float]] = {}
        self.failed: dict[str, str] = {}
        self.warnings: list[str] = []
        self.spent_s = {"check": 0.0, "official": 0.0}
        self._space, self._meter = space, meter

    def measure(self, point: Point) -> None:
        """Measure a point by an official run, and on the whole dataset."""
        try:
            observed = self._meter.official(point)
            self.spent_s["official"] += observed.cost_s
            count = self._meter.check(point, 0, self.settings.protocol.samples)
        except PointFailedError as error:
            self.failed[point.name] = error.problem
            self.warnings.append(failure_warning(point.name, error))
            return
        self.spent_s["check"] += count.cost_s
        metrics = {name: observed.values[name] for name in self.settings.metrics}
        self.values[point.name] = metrics | {self.settings.accuracy: 100 * count.correct / count.count}

    def objectives(self, point: Point) -> list[float]:
        """Return a measured point's values as a sampler's objectives: logarithms, except of the accuracy."""
        values = self.values[point.name]
        return [value if name == self.settings.accuracy else math.log(value) for name, value in values.items()]

    def answer(self, budget_s: float) -> Answer:
        """Return the answer; `budget_s` is the whole budget, 0 after the search."""
        directions = tuple(self.settings.directions.values())
        rows = {name: tuple(values.values()) for name, values in self.values.items()}
        keeps = dict(zip(rows, front(rows.values(), directions), strict=True))
        on_front, dropped, undecided = [], [], []
        for point in self._space.points:
            name = point.name
            if name in self.failed:
                dropped.append(self._standing(point, ()))
            elif name not in rows:
                undecided.append(self._standing(point, ()))
            elif keeps[name]:
                on_front.append(self._standing(point, (), likely=True))
            else:
                better = (each for each in rows if keeps[each] and dominates(rows[each], rows[name], directions))
                dropped.append(self._standing(point, (next(better),)))
        left_s = max(0.0, budget_s - sum(self.spent_s.values()))
        # The cost of an unmeasured point is taken to be the mean cost.
        costs = [self.settings.protocol.exhaustive(sample_ms(each)) for each in self.values.values()]
        exhaustive_s = statistics.fmean(costs) * len(self._space.points) if costs else 0.0
        work = study_work(self.spent_s, exhaustive_s, left_s)
        return Answer(
            front=tuple(on_front),
            undecided=tuple(undecided),
            dropped=tuple(dropped),
            work=work,
            warnings=tuple(self.warnings),
        )

    def _standing(self, point: Point, against: tuple[str, ...], *, likely: bool = False) -> Standing:
        values = self.values.get(point.name, {})
        return Standing(
            point=point.name,
            model=point.model,
            values=values,
            intervals={},
            accuracy_source=f"measured on {self.settings.protocol.samples} samples" if values else "unknown",
            against=against,
            official={name: value for name, value in values.items() if name != self.settings.accuracy},
            likely=likely,
            failed=self.failed.get(point.name, ""),
        )
