"""Beliefs from counts, the time of a sample, and the identity of a study in its journal."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.studies.race import Belief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.contracts.studies.journal import AccuracyCount
    from mlperf_home.contracts.studies.race import Settings
    from mlperf_home.exploration.definition.space import Space


def sample_ms(values: Mapping[str, float]) -> float:
    """Return the time of one sample from a point's metrics: its latency, or the inverse of its rate."""
    return values["latency_ms"] if "latency_ms" in values else 1000 / values["samples_per_second"]


def study_identity(space: Space, priors: Mapping[str, Belief], settings: Settings) -> dict[str, Any]:
    """Return the identity of a study as JSON; only a study of the same identity resumes a journal."""
    return {
        "space": {"name": space.name, "points": [point.name for point in space.points]},
        "priors": {model: [belief.percent, belief.sd] for model, belief in sorted(priors.items())},
        "settings": asdict(settings),
    }


UNKNOWN = Belief(0.0, math.inf, "unknown", prior=False)
"""The belief for a model without a prior."""


def measured_belief(count: AccuracyCount, samples: int) -> Belief:
    """Return the belief that a count of correct samples supports; the dataset has `samples` samples."""
    share = count.correct / count.count
    rest = max(0.0, 1 - count.count / samples)
    # One more right and one more wrong (Agresti and Coull): a share of 0 or 1 must not look certain.
    smoothed = (count.correct + 1) / (count.count + 2)
    sd = 100 * math.sqrt(smoothed * (1 - smoothed) / count.count * rest)
    return Belief(100 * share, sd, f"measured on {count.count} samples", prior=False)
