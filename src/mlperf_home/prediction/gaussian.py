"""A Gaussian over machines: the logarithms of their latencies, with a covariance shrunk towards the models' kinship.

The machines are few (some dozens) and the models many, so the covariance of the sample is mixed with a sum of kernels
that is fitted to it. Sources and figures: docs/estimate.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

if TYPE_CHECKING:
    from mlperf_home.prediction.crowd import Crowd, Floats

    from numpy.typing import NDArray

    Places = NDArray[np.int64]

KERNEL_SHARE = 0.4
"""The kernels' share of the covariance; the sample has the rest."""

FREEDOM = 8.0
"""Degrees of freedom: a machine unlike the crowd gets wider intervals, as under a multivariate t distribution."""

NOISE_SD = 0.03
"""The least standard deviation of a measured logarithm: a probe is short, and a machine is not quite the same later."""

_OWN_SD = 0.02  # of a single latency of a published machine, which no other tells


@dataclass(frozen=True)
class Prediction:
    """The logarithms of one machine's latencies.

    Attributes:
        mean: shape (models,).
        covariance: shape (models, models), scaled by the machine's distance from the crowd.
        distance: the mean square of the measured values' distances from the crowd, in standard deviations; near 1 for
            a machine like the crowd's.
    """

    mean: Floats
    covariance: Floats
    distance: float

    @property
    def sd(self) -> Floats:
        """Standard deviations, of shape (models,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 1e-12))


@dataclass(frozen=True)
class MachineModel:
    """The mean and the covariance of the logarithms of latencies over machines."""

    mean: Floats
    covariance: Floats

    def predict(self, places: Places, logs: Floats, noise_sd: Floats | float = NOISE_SD) -> Prediction:
        """Return the distribution of all latencies given those at `places`, which have this noise."""
        noise = np.broadcast_to(np.square(noise_sd), (len(places),))
        between = self.covariance[places]
        inverse = np.linalg.inv(between[:, places] + np.diag(noise))
        off = logs - self.mean[places]
        square = float(off @ inverse @ off)
        scale = (FREEDOM + square) / (FREEDOM + len(places))
        covariance = self.covariance - between.T @ inverse @ between
        return Prediction(self.mean + between.T @ inverse @ off, scale * covariance, square / len(places))


def learn(crowd: Crowd) -> MachineModel:
    """Learn from a crowd; machines with the same cores and runtime share the weight of one."""
    kinds = list(zip(crowd.families.tolist(), crowd.runtimes.tolist(), strict=True))
    counts = Counter(kinds)
    weights = np.array([1 / counts[kind] for kind in kinds])
    weights /= weights.sum()
    mean = weights @ crowd.logs
    centred = crowd.logs - mean
    sample = (centred * weights[:, None]).T @ centred
    kernels = crowd.kernels
    shares, _ = nnls(kernels.reshape(len(kernels), -1).T, sample.ravel())
    shrunk = (1 - KERNEL_SHARE) * sample + KERNEL_SHARE * np.tensordot(shares, kernels, 1)
    return MachineModel(mean, shrunk + _OWN_SD**2 * np.eye(len(mean)))
