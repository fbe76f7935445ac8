"""The same question answered by Optuna's samplers: whole measurements, one after another, until a budget is spent.

Needs the extra `explore`. Sources: docs/exploration.md.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.errors import LocatedError
from mlperf_home.exploration.answer import Answer, Standing, Work, exhaustive_s
from mlperf_home.exploration.beliefs import DATASET_IMAGES
from mlperf_home.exploration.pareto import front

if TYPE_CHECKING:
    from mlperf_home.exploration.meter import Meter
    from mlperf_home.exploration.space import Point, Space

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


def search(space: Space, meter: Meter, sampler: str, budget: Budget) -> Answer:
    """Measure points, officially and on the whole dataset, as a sampler proposes them.

    Args:
        space: the points.
        meter: what measures them.
        sampler: one of SAMPLERS: multi-objective TPE, or NSGA-II.
        budget: what may be spent.

    Returns:
        The front by the measured values as they are; what was never measured is undecided.

    Raises:
        OptunaMissingError: Optuna is not installed.
        ValueError: an unknown sampler.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {sampler!r}")
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
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=chosen)
    values: dict[str, tuple[float, float]] = {}
    spent_s = {"check": 0.0, "official": 0.0}
    for _ in range(_TRIALS_A_POINT * len(space.points)):
        trial = study.ask()
        point = propose(trial, space)
        if point.name not in values:
            if sum(spent_s.values()) >= budget.seconds:
                break
            values[point.name] = _measure(meter, point, spent_s)
        latency_ms, top1_percent = values[point.name]
        study.tell(trial, [float(np.log(latency_ms)), top1_percent])
    return _answer(space, values, spent_s)


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


def _measure(meter: Meter, point: Point, spent_s: dict[str, float]) -> tuple[float, float]:
    observed = meter.official(point)
    count = meter.check(point, DATASET_IMAGES)
    spent_s["official"] += observed.cost_s
    spent_s["check"] += count.cost_s
    return observed.values["latency_ms"], 100 * count.correct / count.count


def _answer(space: Space, values: dict[str, tuple[float, float]], spent_s: dict[str, float]) -> Answer:
    names = list(values)
    models = {point.name: point.model for point in space.points}
    table = np.array(list(values.values()))
    keeps = front(table, ("min", "max"))
    standings = {}
    for place, name in enumerate(names):
        latency_ms, top1_percent = values[name]
        below = (table[:, 0] <= latency_ms) & (table[:, 1] >= top1_percent) & (table != table[place]).any(axis=1)
        against = () if keeps[place] else (names[int(np.flatnonzero(below & keeps)[0])],)
        facts = {"latency_ms": latency_ms, "top1_percent": top1_percent}
        source, official = "measured on 50000 images", {"latency_ms": latency_ms}
        standings[name] = Standing(name, facts, source, against, official, bool(keeps[place]), models[name])
    never = tuple(
        Standing(each.name, {}, "unknown", (), {}, likely=False, model=each.model)
        for each in space.points
        if each.name not in values
    )
    # Nothing is known of what was not measured: its cost is taken to be the mean of the others'.
    mean_s = float(np.mean([exhaustive_s(latency_ms) for latency_ms, _ in values.values()]))
    return Answer(
        tuple(standings[name] for name, keep in zip(names, keeps, strict=True) if keep),
        never,
        tuple(standings[name] for name, keep in zip(names, keeps, strict=True) if not keep),
        Work(spent_s, mean_s * len(space.points), 0.0),
        (),
    )
