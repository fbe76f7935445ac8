"""Published results beside those of this machine, as tables."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from mlperf_home.measurements.imports.naming import with_one_name
from mlperf_home.measurements.imports.shipped import SHIPPED
from mlperf_home.published.places import published_values
from mlperf_home.published.results import shipped_results
from mlperf_home.results.standing import metric_of, runtime_of, standing_of
from mlperf_home.results.tables import UNITS, first_text
from scriptgraph.embed import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.published.places import PublishedValue
    from mlperf_home.results.stored import StoredResult

_NEIGHBOURS = 3


def standing_rows(measurements: Iterable[Measurement]) -> list[tuple[str, str]]:
    """Return the model of each result with its place among published ones; a shared reason for none is stated once."""
    places, reasons = list[tuple[str, str]](), dict[str, list[str]]()
    for each in map(with_one_name, measurements):
        standing, model = standing_of(each), str(each.model["name"].value)
        if standing is not None and standing.place:
            places.append((model, str(standing)))
        elif standing is not None:
            reasons.setdefault(standing.reason, []).append(model)
    return [*places, *((_counted(models), reason) for reason, models in reasons.items())]


def _counted(models: Sequence[str]) -> str:
    return models[0] if len(models) == 1 else f"{len(models)} models"


def published_sections(results: Sequence[StoredResult]) -> list[Section]:
    """Return published results of the same models: of one model its neighbours, of several a summary."""
    compared = []
    for each in results:
        metric, name = metric_of(each.measurement), SHIPPED.get(each.measurement.benchmark)
        if each.measurement.sample or metric is None or name is None:
            continue
        if published := published_values(shipped_results(name), each.model_name, each.measurement.scenario, metric):
            compared.append((each, metric, sorted(published, key=lambda one: one.value)))
    if not compared:
        return [Section("nobody published results of these models")]
    if len(compared) == 1:
        return [_neighbours(*compared[0])]
    rows = []
    for each, metric, published in compared:
        values, unit = [one.value for one in published], UNITS[metric]
        least, most = (values[0], values[-1]) if metric == "latency_ms" else (values[-1], values[0])
        texts = (f"{number:.4g} {unit}" for number in (least, median(values), most))
        rows.append((each.model_name, first_text(each.measurement, UNITS), *texts, str(len(values))))
    header = ("model", "here", "fastest", "median", "slowest", "systems")
    return [Section("Published, with any runtime", rows, header)]


def _neighbours(result: StoredResult, metric: str, published: Sequence[PublishedValue]) -> Section:
    """Return the published values around one result, fastest first; runtimes are named, since they differ."""
    value, sign = result.measurement.values[metric].number or 0.0, 1 if metric == "latency_ms" else -1
    ordered = sorted(published, key=lambda each: sign * each.value)
    faster = [each for each in ordered if sign * each.value <= sign * value]
    slower = ordered[len(faster) :]
    around = [*faster[-_NEIGHBOURS:], None, *slower[:_NEIGHBOURS]]
    unit = UNITS[metric]
    rows = [
        ("this machine", runtime_of(result.measurement), f"{value:.4g} {unit}")
        if each is None
        else (each.cpu, each.system.runtime, f"{each.value:.4g} {unit}")
        for each in around
    ]
    title = f"Published: {result.model_name}, {result.measurement.scenario}, {len(published)} systems"
    return Section(title, rows, ("CPU", "runtime", "result"))
