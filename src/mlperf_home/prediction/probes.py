"""The choice of models to measure: greedily, each reduces the variance of all latencies most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.prediction.gaussian import NOISE_SD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.prediction.gaussian import MachineModel


def choose_probes(model: MachineModel, names: Sequence[str], count: int) -> tuple[str, ...]:
    """Return `count` of the names, the most telling first."""
    left = model.covariance.copy()
    chosen: list[int] = []
    for _ in range(min(count, len(names))):
        spread = np.diag(left) + NOISE_SD**2
        gains = (left**2).sum(axis=0) / spread
        gains[chosen] = -1.0
        best = int(gains.argmax())
        chosen.append(best)
        left -= np.outer(left[:, best], left[best]) / spread[best]
    return tuple(names[place] for place in chosen)
