"""What the crowd and a machine's other results predict of each of its latencies; needs NumPy and SciPy.

A latency is predicted from all other latencies of the machine, in closed form: for a Gaussian with precision matrix P,
the error of a value that is left out is (P r)_i / P_ii, and its variance 1 / P_ii (Sundararajan and Keerthi, Neural
Computation 13, 2001). Which errors are large is learnt from the crowd's own machines (benchmarks/judging.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.contracts.leaderboard.judging import PredictedLatency
from mlperf_home.contracts.studies.estimate import FEWEST_MEASURED
from mlperf_home.prediction.calibration import calibrate, is_known
from mlperf_home.prediction.gaussian import learn
from mlperf_home.published.results import UNKNOWN_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlperf_home.prediction.crowd import Crowd, Floats
    from mlperf_home.prediction.gaussian import MachineModel, Places

ASKED_SHARE = 0.10
"""The share of honest latencies that are asked for again."""

WIDEST = 2.5
"""An interval that is wider to one side, as a ratio, tells too little: nothing follows from lying in it."""

_NOISE_SD = 0.06
"""Of a latency's logarithm, between the machines of one kind; chosen by benchmarks/judging.py."""

_FAR = 3.0
"""A latency this many times the interval away is not used to predict others."""


class LeftOutErrors(NamedTuple):
    """The errors of latencies, each predicted from the others: logarithms, and their standard deviations."""

    error: Floats
    sd: Floats


def leave_out_each(model: MachineModel, places: Places, logs: Floats, reach: float) -> LeftOutErrors:
    """Predict each of a machine's latencies, of the models at `places`, from its others.

    Latencies that lie far outside, the farthest first, predict no others: a false value would spoil true ones.
    """
    count = len(places)
    error, sd = np.zeros(count), np.ones(count)
    believed = np.ones(count, dtype=bool)
    while believed.any():
        numbers = np.flatnonzero(believed)
        error[numbers], sd[numbers] = _errors(model, places[numbers], logs[numbers])
        scores = np.where(believed, np.abs(error) / sd, 0.0)
        worst = int(scores.argmax())
        if scores[worst] <= _FAR * reach:
            break
        believed[worst] = False
    return LeftOutErrors(error, sd)


def _errors(model: MachineModel, places: Places, logs: Floats) -> tuple[Floats, Floats]:
    precision = np.linalg.inv(model.covariance[np.ix_(places, places)] + _NOISE_SD**2 * np.eye(len(places)))
    own = np.diag(precision)
    return precision @ (logs - model.mean[places]) / own, 1 / np.sqrt(own)


@dataclass(frozen=True)
class ExpectedLatency:
    """What the crowd and the machine's other latencies predict of one.

    Attributes:
        ratio: the latency, divided by the predicted one.
        reach: the interval around the prediction, as a ratio to each side; 90 % of honest latencies lie within.
    """

    ratio: float
    reach: float

    @property
    def telling(self) -> bool:
        """Whether the interval is narrow enough to tell anything."""
        return self.reach <= WIDEST

    @property
    def fits(self) -> bool:
        """Whether the latency lies within the interval."""
        return 1 / self.reach <= self.ratio <= self.reach


@dataclass
class CrowdPredictor:
    """Predicts each latency of a machine from its others and from a crowd."""

    crowd: Crowd
    _reaches: dict[tuple[bytes, bool], float] = field(default_factory=dict, init=False)
    _widths: dict[tuple[bytes, bool], float] = field(default_factory=dict, init=False)

    @cached_property
    def _model(self) -> MachineModel:
        return learn(self.crowd)

    def expected(self, latencies: Mapping[str, float], runtime: str) -> dict[str, ExpectedLatency]:
        """Return the expectation of each latency, in milliseconds by model; models that the crowd lacks have none."""
        names = [name for name in self.crowd.models if name in latencies]
        if len(names) < 2:  # noqa: PLR2004 - a latency and one that predicts it
            return {}
        places = self.crowd.places(names)
        reach = self._reach(places, runtime)
        found = leave_out_each(self._model, places, np.log([latencies[name] for name in names]), reach)
        ratios, reaches = np.exp(found.error).tolist(), np.exp(reach * found.sd).tolist()
        return {name: ExpectedLatency(*pair) for name, *pair in zip(names, ratios, reaches, strict=True)}

    def predicted(self, latencies: Mapping[str, float], runtime: str) -> list[PredictedLatency]:
        """Return the latencies of the crowd's models that a machine has not measured, from those that it has.

        Nothing is predicted from fewer than three latencies.
        """
        names = [name for name in self.crowd.models if name in latencies]
        if not FEWEST_MEASURED <= len(names) < len(self.crowd.models):
            return []
        places = self.crowd.places(names)
        found = self._model.predict(places, np.log([latencies[name] for name in names]))
        key = (places.tobytes(), is_known(self.crowd, runtime))
        if key not in self._widths:
            self._widths[key] = calibrate(self.crowd, places, runtime)
        half = self._widths[key] * found.sd
        rows = zip(self.crowd.models, *(np.exp(found.mean + side * half).tolist() for side in (0, -1, 1)), strict=True)
        return [PredictedLatency(*row) for row in rows if row[0] not in latencies]

    def _reach(self, places: Places, runtime: str) -> float:
        """Return the standard deviations within which all but `ASKED_SHARE` of the crowd's own latencies lie.

        A machine of the crowd is predicted without its family of CPU; for a runtime that the crowd lacks, without its
        runtime class.
        """
        known = is_known(self.crowd, runtime)
        key = (places.tobytes(), known)
        if key not in self._reaches:
            left_out = self._by_family if known else self._by_runtime
            reach = np.inf
            for _ in range(2):  # which latencies are far depends on the reach
                found = [leave_out_each(model, places, logs[places], reach) for model, logs in left_out]
                scores = np.concatenate([np.abs(each.error) / each.sd for each in found])
                reach = float(np.quantile(scores, 1 - ASKED_SHARE))
            self._reaches[key] = reach
        return self._reaches[key]

    @cached_property
    def _by_family(self) -> list[tuple[MachineModel, Floats]]:
        return _left_out(self.crowd, self.crowd.families)

    @cached_property
    def _by_runtime(self) -> list[tuple[MachineModel, Floats]]:
        crowd = self.crowd.only(self.crowd.runtimes != UNKNOWN_RUNTIME)
        return _left_out(crowd, crowd.runtimes)


def _left_out(crowd: Crowd, groups: NDArray[np.str_]) -> list[tuple[MachineModel, Floats]]:
    """Return each machine's latencies with what is learnt from the machines outside its group."""
    return [
        (model, crowd.logs[number])
        for group in np.unique(groups)
        for model in [learn(crowd.only(groups != group))]
        for number in np.flatnonzero(groups == group).tolist()
    ]
