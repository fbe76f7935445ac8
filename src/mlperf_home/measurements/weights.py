"""What a measurement says of the model's weights, besides their hash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import Value, unknown

if TYPE_CHECKING:
    from mlperf_home.measurements.measurement import Measurement

_USERS_OWN = "the user's file"
_UNKNOWN = "it is the user's own model, and they have not told"


@dataclass(frozen=True)
class Weights:
    """What the model's step tells: the type of the weights ("int8", "unknown" or ""), and where the model is from."""

    data_type: str
    source: str


def with_weights(measurement: Measurement, weights: Weights) -> Measurement:
    """Add what is known of the weights: a published model was run as published, the user's may be anything."""
    own = not weights.source or weights.source.startswith(_USERS_OWN)
    known_type = weights.data_type not in {"", "unknown"}
    as_published = Value("no", "copied", "nothing of ours trains a model that is measured")
    untouched = Value("none", "copied", "nothing of ours changes a model that is measured")
    told = {
        "weight_type": Value(weights.data_type, "copied", "the model's step") if known_type else unknown(_UNKNOWN),
        "retraining": unknown(_UNKNOWN) if own else as_published,
        "weight_transformations": unknown(_UNKNOWN) if own else untouched,
        "source": Value(weights.source, "copied", "the model's step") if weights.source else unknown(_UNKNOWN),
    }
    return replace(measurement, model={**measurement.model, **told})
