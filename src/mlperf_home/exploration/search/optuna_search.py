"""The same question answered by Optuna's samplers: whole measurements, one after another, until a budget is spent.

Needs the extra `explore`. Sources: docs/exploration.md.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.answer import Answer, Standing, Work
from mlperf_home.exploration.definition.meter import PointFailedError
from mlperf_home.exploration.definition.protocol import sample_ms
from mlperf_home.exploration.definition.settings import Settings
from mlperf_home.pareto.arrays import front, oriented

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.exploration.definition.meter import Meter
    from mlperf_home.exploration.definition.space import Point, Space

SAMPLERS = ("tpe", "nsga2")
_TRIALS_A_POINT = 2


class OptunaMissingError(LocatedError):
    """Optuna is not installed."""


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    Attributes:
        seconds: no measurement begins beyond it.
        population: of NSGA-II.
        seed: of the sampler.
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
    told: Callable[[Answer], None] = lambda _: None,
) -> Answer:
    """Measure points, officially and on the whole dataset, as a sampler proposes them.

    Args:
        space: the points.
        meter: what measures them; a JournaledMeter goes on where it was, since a seed proposes the same again.
        sampler: one of SAMPLERS: multi-objective TPE, or NSGA-II.
        budget: what may be spent.
        settings: what is measured: metrics and protocol; the rest is the race's.
        told: hears how it stands after each measurement.

    Returns:
        The front by the measured values as they are; what was never measured is undecided.

    Raises:
        OptunaMissingError: Optuna is not installed.
        ValueError: an unknown sampler.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {sampler!r}")
    measured = _Measured(space, meter, settings or Settings())
    study = _study(sampler, budget, measured.settings)
    for _ in range(_TRIALS_A_POINT * len(space.points)):
        trial = study.ask()
        point = propose(trial, space)
        if not measured.knows(point):
            if sum(measured.spent_s.values()) >= budget.seconds:
                break
            measured.measure(point)
            if measured.values:
                told(measured.answer(budget.seconds))
        _tell(study, trial, measured.objectives(point))
    return measured.answer(0.0)


def _study(sampler: str, budget: Budget, settings: Settings) -> Any:
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError:
        raise OptunaMissingError("Optuna", "is not installed", "pip install 'mlperf-home[explore]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        chosen = (
            optuna.samplers.TPESampler(seed=budget.seed, multivariate=True, group=True)
            if sampler == "tpe"
            else optuna.samplers.NSGAIISampler(seed=budget.seed, population_size=budget.population)
        )
    directions = ["minimize" if direction == "min" else "maximize" for direction in settings.directions.values()]
    return optuna.create_study(directions=directions, sampler=chosen)


def _tell(study: Any, trial: Any, objectives: list[float] | None) -> None:
    from optuna.trial import TrialState  # noqa: PLC0415 - an extra

    if objectives is None:
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, objectives)


def propose(trial: Any, space: Space) -> Point:
    """Let a trial choose axis after axis among the values that the choices before leave."""
    left = list(space.points)
    for axis in space.axes:
        allowed = list(dict.fromkeys(point.values[axis] for point in left))
        if len(allowed) > 1:
            # Optuna wants the same choices each time a name is used.
            picked = trial.suggest_categorical(f"{axis} of {allowed}", allowed)
            left = [point for point in left if point.values[axis] == picked]
    return left[0]


class _Measured:
    """What has been measured so far."""

    def __init__(self, space: Space, meter: Meter, settings: Settings) -> None:
        self.settings = settings
        self.values: dict[str, dict[str, float]] = {}
        self.failed: dict[str, str] = {}
        self.spent_s = {"check": 0.0, "official": 0.0}
        self._space, self._meter = space, meter

    def knows(self, point: Point) -> bool:
        """Say whether a point was measured, or has failed."""
        return point.name in self.values or point.name in self.failed

    def measure(self, point: Point) -> None:
        """Run a point officially, and on the whole dataset."""
        try:
            observed = self._meter.official(point)
            self.spent_s["official"] += observed.cost_s
            count = self._meter.check(point, 0, self.settings.protocol.samples)
        except PointFailedError as error:
            self.failed[point.name] = f"{error.problem}; {error.advice}"
            return
        self.spent_s["check"] += count.cost_s
        metrics = {name: observed.values[name] for name in self.settings.metrics}
        self.values[point.name] = metrics | {self.settings.accuracy: 100 * count.correct / count.count}

    def objectives(self, point: Point) -> list[float] | None:
        """Give what a sampler is told of a point; None of one that failed."""
        values = self.values.get(point.name)
        if values is None:
            return None
        return [value if name == self.settings.accuracy else float(np.log(value)) for name, value in values.items()]

    def answer(self, budget_s: float) -> Answer:
        """Give the three parts; `budget_s` is what may still be spent in all."""
        directions = tuple(self.settings.directions.values())
        names = list(self.values)
        table = oriented([list(each.values()) for each in self.values.values()], directions) if names else None
        keeps = front(table, ("min",) * len(directions)) if table is not None else np.zeros(0, dtype=np.bool_)
        kept, below, never = [], [], []
        for point in self._space.points:
            if point.name in self.failed:
                below.append(self._standing(point, (), likely=False))
            elif point.name not in self.values or table is None:
                never.append(self._standing(point, (), likely=False))
            else:
                place = names.index(point.name)
                if keeps[place]:
                    kept.append(self._standing(point, (), likely=True))
                else:
                    better = (table <= table[place]).all(axis=1) & (table < table[place]).any(axis=1) & keeps
                    below.append(self._standing(point, (names[int(np.flatnonzero(better)[0])],), likely=False))
        left_s = max(0.0, budget_s - sum(self.spent_s.values()))
        return Answer(
            tuple(kept), tuple(never), tuple(below), Work(dict(self.spent_s), self._exhaustive_s(), left_s), ()
        )

    def _exhaustive_s(self) -> float:
        """Nothing is known of what was not measured: its cost is taken to be the mean of the others'."""
        costs = [self.settings.protocol.exhaustive(sample_ms(each)) for each in self.values.values()]
        return float(np.mean(costs)) * len(self._space.points) if costs else 0.0

    def _standing(self, point: Point, against: tuple[str, ...], *, likely: bool) -> Standing:
        values = self.values.get(point.name, {})
        official = {name: value for name, value in values.items() if name != self.settings.accuracy}
        source = f"measured on {self.settings.protocol.samples} samples" if values else "unknown"
        return Standing(
            point.name,
            values,
            source,
            against,
            official,
            likely,
            point.model,
            failed=self.failed.get(point.name, ""),
        )
