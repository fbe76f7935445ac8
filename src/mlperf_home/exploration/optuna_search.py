"""The same question answered by Optuna's samplers: whole measurements, one after another, until a budget is spent.

Needs the extra `explore`. Sources: docs/exploration.md.
"""

from __future__ import annotations

import math
import statistics
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.answer import Answer, Standing, study_work
from mlperf_home.contracts.race import Settings
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.meter import Meter, PointFailedError, left_out
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
    """Measure points, officially and on the whole dataset, as a sampler, multi-objective TPE or NSGA-II, proposes.

    A JournaledMeter goes on where it was, since a seed proposes the same again. Of `settings` only metrics and protocol
    count; `told` hears how it stands after each measurement. The answer's front is by the measured values as they are;
    what was never measured is undecided.

    Raises:
        OptunaMissingError: Optuna is not installed.
        ValueError: an unknown sampler.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {sampler!r}")
    measured = _Measured(space, meter, settings or Settings())
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError:
        raise OptunaMissingError("Optuna", "is not installed", "pip install 'mlperf-home[explore]'") from None
    study = _study(optuna, sampler, budget, measured.settings)
    for _ in range(_TRIALS_A_POINT * len(space.points)):
        trial = study.ask()
        point = propose(trial, space)
        if point.name not in measured.values.keys() | measured.failed.keys():
            if sum(measured.spent_s.values()) >= budget.seconds:
                break
            measured.measure(point)
            if measured.values:
                told(measured.answer(budget.seconds))
        if point.name in measured.failed:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, measured.objectives(point))
    return measured.answer(0.0)


def _study(optuna: Any, sampler: str, budget: Budget, settings: Settings) -> Any:
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
        self.warnings: list[str] = []
        self.spent_s = {"check": 0.0, "official": 0.0}
        self._space, self._meter = space, meter

    def measure(self, point: Point) -> None:
        """Run a point officially, and on the whole dataset."""
        try:
            observed = self._meter.official(point)
            self.spent_s["official"] += observed.cost_s
            count = self._meter.check(point, 0, self.settings.protocol.samples)
        except PointFailedError as error:
            self.failed[point.name] = error.problem
            self.warnings.append(left_out(point.name, error))
            return
        self.spent_s["check"] += count.cost_s
        metrics = {name: observed.values[name] for name in self.settings.metrics}
        self.values[point.name] = metrics | {self.settings.accuracy: 100 * count.correct / count.count}

    def objectives(self, point: Point) -> list[float]:
        """Return what a sampler hears of a measured point."""
        values = self.values[point.name]
        return [value if name == self.settings.accuracy else math.log(value) for name, value in values.items()]

    def answer(self, budget_s: float) -> Answer:
        """Return the three parts; `budget_s` is what may still be spent in all."""
        directions = tuple(self.settings.directions.values())
        rows = {name: tuple(values.values()) for name, values in self.values.items()}
        keeps = dict(zip(rows, front(rows.values(), directions), strict=True))
        kept, below, never = [], [], []
        for point in self._space.points:
            name = point.name
            if name in self.failed:
                below.append(self._standing(point, ()))
            elif name not in rows:
                never.append(self._standing(point, ()))
            elif keeps[name]:
                kept.append(self._standing(point, (), likely=True))
            else:
                better = (each for each in rows if keeps[each] and dominates(rows[each], rows[name], directions))
                below.append(self._standing(point, (next(better),)))
        left_s = max(0.0, budget_s - sum(self.spent_s.values()))
        # Nothing is known of what was not measured: its cost is taken to be the mean of the others'.
        costs = [self.settings.protocol.exhaustive(sample_ms(each)) for each in self.values.values()]
        exhaustive_s = statistics.fmean(costs) * len(self._space.points) if costs else 0.0
        work = study_work(self.spent_s, exhaustive_s, left_s)
        return Answer(
            front=tuple(kept),
            undecided=tuple(never),
            dropped=tuple(below),
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
