"""Calibrated intervals: how far the crowd's own machines lie from their predictions when they are left out.

This is conformal prediction over groups: a machine is predicted from the machines outside its group, from the same
models as the machine in question. For a runtime class that the crowd has, the groups are families of CPU. For one that
it lacks, they are the runtime classes: the errors are those of predicting a class from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.prediction.gaussian import NOISE_SD, learn
from mlperf_home.published.results import UNKNOWN_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlperf_home.prediction.crowd import Crowd, Floats
    from mlperf_home.prediction.gaussian import Places, Prediction

CONFIDENCE = 0.9
"""The share of latencies that intervals contain."""

_SEED = 20231211


@dataclass(frozen=True)
class LeftOut:
    """A machine of the crowd, predicted from those outside its group.

    Attributes:
        number: its row in the crowd.
        prediction: from the measured models.
        scores: the distances of the models that were not measured from their predictions, in standard deviations.
    """

    number: int
    prediction: Prediction
    scores: Floats


def leave_out(crowd: Crowd, groups: NDArray[np.str_], places: Places) -> Iterator[LeftOut]:
    """Predict each machine from the measured `places`, with the noise of probes, without its group."""
    random = np.random.default_rng(_SEED)
    others = np.setdiff1d(np.arange(len(crowd.models)), places)
    for group in np.unique(groups):
        model = learn(crowd.only(groups != group))
        for number in np.flatnonzero(groups == group).tolist():
            true = crowd.logs[number]
            prediction = model.predict(places, true[places] + random.normal(0, NOISE_SD, len(places)))
            yield LeftOut(number, prediction, (np.abs(true - prediction.mean) / prediction.sd)[others])


def calibrate(crowd: Crowd, places: Places, runtime: str) -> float:
    """Return half the width of intervals, in standard deviations, so that `CONFIDENCE` of the latencies lie within.

    `runtime` is the runtime class of the machine in question; a class that the crowd lacks has wider intervals.
    """
    if len(places) == len(crowd.models):
        return 0.0
    groups = crowd.families
    if not is_known(crowd, runtime):
        # A machine of an unknown class may be of the class that is left out.
        crowd = crowd.only(crowd.runtimes != UNKNOWN_RUNTIME)
        groups = crowd.runtimes
    scores = np.concatenate([each.scores for each in leave_out(crowd, groups, places)])
    return float(np.quantile(scores, CONFIDENCE))


def is_known(crowd: Crowd, runtime: str) -> bool:
    """Whether a crowd has machines of a runtime class."""
    return runtime != UNKNOWN_RUNTIME and runtime in crowd.runtimes
