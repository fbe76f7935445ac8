"""The measurements of a study's official runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.exploration.live.jobs import official_folder
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Weights, to_json, with_weights
from mlperf_home.steps.machine import machine_facts
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.studies.study import StudyPlan
    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.steps.machine import Pricing
    from scriptgraph.api import Context


def official_measurement(
    context: Context,
    plan: StudyPlan,
    point: Point,
    prices: Pricing,
    with_accuracy: Callable[[Measurement], Measurement],
) -> Measurement:
    """Return the measurement of a point's official run, and write it beside the run.

    Raises:
        IngestError: the run is incomplete.
    """
    folder, candidate = official_folder(plan, point), plan.candidates[point.model]
    system = machine_facts(context, folder.root.parent.parent.name)
    ingested = ingest(folder.root, system, candidate.name, prices.of(system))
    measurement = with_accuracy(with_weights(ingested, Weights(candidate.weight_type, candidate.source)))
    replace_text(folder.measurement, to_json(measurement))
    return measurement
