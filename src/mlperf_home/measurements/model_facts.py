"""What a measurement says of its model besides the hash: its weights, and the accuracy that others found with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import Value, unknown

if TYPE_CHECKING:
    from mlperf_home.measurements.measurement import Measurement

PUBLISHED, MEASURED_2023 = "published_top1_percent", "measured_2023_top1_percent"
MEASURED_2023_SOURCE = "MLPerf inference v3.1, mlcommons/cm4mlperf-results"
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


@dataclass(frozen=True)
class Published:
    """Top-1 in percent on ImageNet's whole validation set; None where nobody has told.

    Attributes:
        top1: what the model's makers publish.
        source: where they do, or "".
        measured_2023: what the community's submissions of 2023 measured.
    """

    top1: float | None = None
    source: str = ""
    measured_2023: float | None = None


def with_published(measurement: Measurement, published: Published) -> Measurement:
    """Add the accuracies that are known, beside ours and never in its place."""
    told = {
        PUBLISHED: (published.top1, published.source or "source unknown"),
        MEASURED_2023: (published.measured_2023, MEASURED_2023_SOURCE),
    }
    known = {key: Value(percent, "copied", source) for key, (percent, source) in told.items() if percent is not None}
    return replace(measurement, model={**measurement.model, **known})


def published_words(measurement: Measurement) -> list[str]:
    """Give a phrase for each figure: "published 70.9 (source)"."""
    labels = {PUBLISHED: "published", MEASURED_2023: "2023"}
    found = ((label, measurement.model.get(key)) for key, label in labels.items())
    return [f"{label} {value.value:g} ({value.source})" for label, value in found if value is not None]
