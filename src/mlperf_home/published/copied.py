"""Without a dataset: accuracies that others published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.estimate import CopiedAccuracy
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.samples import mobilenet

if TYPE_CHECKING:
    from collections.abc import Sequence


def copied_accuracies(models: Sequence[str], *, sample: bool) -> dict[str, CopiedAccuracy]:
    """Return the accuracies that others published, by model; those of the sample are its own.

    A model that the table does not have is left out.
    """
    rows = {row.model: row for row in read_classifiers() if row.sample is sample}
    known = mobilenet.provenance()["models"] if sample else {}
    accuracies = {}
    for model in models:
        if model not in rows:
            continue
        if sample:
            percent = float(known[f"{rows[model].name}.tflite"]["accuracy_percent"])
            accuracies[model] = CopiedAccuracy(percent=percent, source="the sample's own sample.json")
            continue
        found, source = rows[model].accuracy(as_published=True)
        if found is not None:
            accuracies[model] = CopiedAccuracy(percent=found, source=source)
    return accuracies
