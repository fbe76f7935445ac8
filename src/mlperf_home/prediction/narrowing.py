"""Narrowing: the models that a race must measure, after some were measured and the others predicted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.contracts.studies.narrowing import STAGES
from mlperf_home.pareto.front import front
from mlperf_home.prediction.estimate import SURE
from mlperf_home.prediction.fronts import predicted_front

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.prediction.estimate import MachinePrediction


class Dominated(NamedTuple):
    """A model that another one surely dominates.

    Attributes:
        by: the fastest model that dominates it.
        z: the difference of the logarithms of their latencies, in its standard deviations.
        needed: the least z that makes a difference sure.
        latency_ms: its own predicted latency.
    """

    by: str
    z: float
    needed: float
    latency_ms: float


class Narrowing(NamedTuple):
    """The models by what is known of them.

    Attributes:
        left: the models that no other one surely dominates.
        likely: those of them that the values favour, whatever their intervals.
        dominated: the others.
    """

    left: tuple[str, ...]
    likely: tuple[str, ...]
    dominated: Mapping[str, Dominated]

    def following(self, known: frozenset[str], stage: int, stages: int = STAGES) -> tuple[str, ...]:
        """Return the models to fetch after a stage (from 1), without the `known` ones.

        From the stage before the last on, and where no likely one is left, these are all that are left. What the last
        stage names is raced without a probe: the last probes may bring a model back.
        """
        favoured = tuple(model for model in self.likely if model not in known)
        if favoured and stage < stages - 1:
            return favoured
        return tuple(model for model in self.left if model not in known)


def narrow(machine: MachinePrediction, accuracies: Mapping[str, float], sure: float = SURE) -> Narrowing:
    """Return the models that may be on the front.

    Args:
        machine: the latencies, with calibrated intervals.
        accuracies: in percent, by model; a model without one is left, and dominates none.
        sure: the ratio of the difference that decides to half an interval.
    """
    models, found = machine.crowd.models, machine.prediction
    percents = [accuracies.get(model, math.nan) for model in models]
    needed = sure * machine.reach
    dominators = predicted_front(found.mean, found.covariance, percents, needed).dominator.tolist()
    values = list(zip(found.mean.tolist(), np.nan_to_num(percents, nan=-math.inf).tolist(), strict=True))
    dominated = {}
    for place, other in enumerate(dominators):
        if other >= 0:
            variances = found.covariance[[place, other, place], [place, other, other]]
            spread = math.sqrt(max(float(variances[0] + variances[1] - 2 * variances[2]), 1e-12))
            gap = float(found.mean[place] - found.mean[other])
            latency_ms = math.exp(float(found.mean[place]))
            dominated[models[place]] = Dominated(models[other], gap / spread, needed, latency_ms)
    left = tuple(model for model in models if model not in dominated)
    best = {model for model, keep in zip(models, front(values, ("min", "max")), strict=True) if keep}
    return Narrowing(left, tuple(model for model in left if model in best), dominated)
