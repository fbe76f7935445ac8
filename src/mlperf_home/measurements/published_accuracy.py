"""The accuracy that others have found with a model, beside ours and never in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import Value

if TYPE_CHECKING:
    from mlperf_home.measurements.measurement import Measurement

PUBLISHED, MEASURED_2023 = "published_top1_percent", "measured_2023_top1_percent"
MEASURED_2023_SOURCE = "MLPerf inference v3.1, mlcommons/cm4mlperf-results"


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
    """Add what is known; nothing is added where nothing is."""
    told = {
        PUBLISHED: _copied(published.top1, published.source or "source unknown"),
        MEASURED_2023: _copied(published.measured_2023, MEASURED_2023_SOURCE),
    }
    known = {key: value for key, value in told.items() if value is not None}
    return replace(measurement, model={**measurement.model, **known})


def published_words(measurement: Measurement) -> list[str]:
    """Give a phrase for each figure: "published 70.9 (source)"."""
    labels = {PUBLISHED: "published", MEASURED_2023: "2023"}
    found = ((label, measurement.model.get(key)) for key, label in labels.items())
    return [f"{label} {value.value:g} ({value.source})" for label, value in found if value is not None]


def _copied(percent: float | None, source: str) -> Value | None:
    return None if percent is None else Value(percent, "copied", source)
