"""The Pareto front of predicted latencies and copied accuracies: on it, undecided, or dominated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlperf_home.prediction.crowd import Floats, Marks

ALIKE_POINTS = 0.3
"""Accuracies this near, in percentage points, are alike: another engine may turn them round."""


class FrontStandings(NamedTuple):
    """The standings of models.

    Attributes:
        front: shape (models,): with confidence, no other model is as accurate and faster.
        dominator: shape (models,): the model that is surely more accurate and faster, or -1.
    """

    front: Marks
    dominator: NDArray[np.int64]


def predicted_front(mean: Floats, covariance: Floats, accuracies: Sequence[float], reach: float) -> FrontStandings:
    """Compare all pairs of models.

    Args:
        mean: the logarithms of latencies.
        covariance: of those logarithms; models that are slow together are told apart by it.
        accuracies: in percent; not a number if unknown, as such a model cannot be compared.
        reach: the standard deviations of a difference that make it sure.
    """
    variances = np.diag(covariance)
    spread = np.sqrt(np.maximum(variances[:, None] + variances[None, :] - 2 * covariance, 1e-12))
    faster = (mean[None, :] - mean[:, None]) >= reach * spread  # [i, j]: i is faster than j
    accuracy = np.asarray(accuracies, dtype=np.float64)
    above = accuracy[:, None] - accuracy[None, :]
    dominates = faster & (above >= ALIKE_POINTS)
    # A model may lie behind each one that is not surely less accurate, unless it is faster than that one.
    rivals = ~(above <= -ALIKE_POINTS)
    np.fill_diagonal(rivals, val=False)
    beaten = rivals & ~faster.T
    dominator = np.where(dominates.any(axis=0), np.where(dominates, mean[:, None], np.inf).argmin(axis=0), -1)
    return FrontStandings(~beaten.any(axis=0) & np.isfinite(accuracy), dominator)
