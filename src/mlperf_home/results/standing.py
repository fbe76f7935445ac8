"""The place of this machine's results among published ones, in words; results that cannot be compared have a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.imports.shipped import SHIPPED
from mlperf_home.published.places import RUNTIMES, place_among, published_values
from mlperf_home.published.results import UNKNOWN_RUNTIME, shipped_results

if TYPE_CHECKING:
    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.published.places import PublishedPlace, PublishedValue

METRICS = ("latency_ms", "samples_per_second")


@dataclass(frozen=True)
class PublishedStanding:
    """The place of a result, or the reason for which it has none."""

    place: PublishedPlace | None
    reason: str

    def __str__(self) -> str:
        place = self.place
        if place is None:
            return self.reason
        systems = "1 system" if place.systems == 1 else f"{place.systems} systems"
        cpus = "1 CPU" if place.cpus == 1 else f"{place.cpus} CPUs"
        nearest = [f"next {side} {each.cpu}" for side, each in _nearest(place)]
        return "; ".join([f"faster than {place.percentile:.0f} % of {systems} with {cpus}", *nearest])

    def to_json(self) -> dict[str, Any]:
        """Return the standing as JSON."""
        place = self.place
        if place is None:
            return {"reason": self.reason}
        counts = {"percentile": place.percentile, "systems": place.systems, "cpus": place.cpus}
        return {**counts, **{f"next_{side}": each.cpu for side, each in _nearest(place)}}


def _nearest(place: PublishedPlace) -> list[tuple[str, PublishedValue]]:
    return [(name, side[0]) for name, side in (("faster", place.faster), ("slower", place.slower)) if side]


def standing_of(measurement: Measurement) -> PublishedStanding | None:
    """Return the standing of a measurement whose model has its one name; None for samples and results without a value.

    Raises:
        PublishedTableError: the shipped results are damaged.
    """
    metric = metric_of(measurement)
    name = SHIPPED.get(measurement.benchmark)
    if measurement.sample or measurement.validity == "INVALID" or metric is None or name is None:
        return None
    results, model = shipped_results(name), str(measurement.model["name"].value)
    published = published_values(results, model, measurement.scenario, metric)
    if not published:
        return PublishedStanding(None, f"nobody published {measurement.scenario} of this model")
    runtime = runtime_of(measurement)
    alike = [each for each in published if each.system.runtime == runtime]
    value = measurement.values[metric].number
    place = place_among(alike, value, less_is_better=metric == "latency_ms") if value else None
    if place is None:
        known = ", ".join(sorted({each.system.runtime for each in published} - {UNKNOWN_RUNTIME}))
        return PublishedStanding(
            None, f"published results used {known}, not {runtime}: runtimes differ more than machines"
        )
    return PublishedStanding(place, "")


def metric_of(measurement: Measurement) -> str | None:
    """Return the metric of a measurement that can be compared: a latency, else a rate; None if it has neither."""
    values = measurement.values
    return next((name for name in METRICS if name in values and values[name].number is not None), None)


def runtime_of(measurement: Measurement) -> str:
    """Return the runtime class of our measurement; an engine with a delegate has none that is published."""
    engine, delegate = (measurement.engine.get(key) for key in ("name", "delegate"))
    name = "unknown" if engine is None or engine.value is None else str(engine.value)
    runtime = RUNTIMES.get(name, name)
    has_delegate = delegate is not None and delegate.value not in (None, "", "None")
    return f"{runtime} with a delegate" if has_delegate else runtime
