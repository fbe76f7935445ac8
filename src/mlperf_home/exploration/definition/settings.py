"""What measuring takes, what is believed of a model, and what identifies a study for its journal."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.race import Belief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.contracts.journal import AccuracyCount
    from mlperf_home.contracts.race import Settings
    from mlperf_home.exploration.definition.space import Space


def sample_ms(values: Mapping[str, float]) -> float:
    """Return how long one sample takes by a point's metrics: its latency, or what is left of a second for each."""
    return values["latency_ms"] if "latency_ms" in values else 1000 / values["samples_per_second"]


def study_identity(space: Space, priors: Mapping[str, Belief], settings: Settings) -> dict[str, Any]:
    """Return what identifies a study: only the same study resumes a journal."""
    return {
        "space": {"name": space.name, "points": [point.name for point in space.points]},
        "priors": {model: [belief.percent, belief.sd] for model, belief in sorted(priors.items())},
        "settings": asdict(settings),
    }


UNKNOWN = Belief(0.0, math.inf, "unknown", prior=False)
"""What is believed of a model without a prior."""


def measured(count: AccuracyCount, samples: int) -> Belief:
    """Make a belief of images classified, out of a dataset of so many."""
    share = count.correct / count.count
    rest = max(0.0, 1 - count.count / samples)
    # One right and one wrong more (Agresti and Coull) keep a share of 0 or 1 from looking certain.
    smoothed = (count.correct + 1) / (count.count + 2)
    sd = 100 * math.sqrt(smoothed * (1 - smoothed) / count.count * rest)
    return Belief(100 * share, sd, f"measured on {count.count} samples", prior=False)
