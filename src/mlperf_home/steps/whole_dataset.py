"""A run for a submission needs the whole dataset, which is known before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.layout import json_object
from mlperf_home.steps.run_request import WORKLOADS
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from mlperf_home.contracts.runs.job import JobOptions

_COUNTS = ("features", "images")


def require_whole_dataset(options: JobOptions) -> None:
    """Raise StepFailed if a run has another number of samples than a submission to its round; samples are exempt."""
    if options.sample:
        return
    facts = json_object(options.dataset.path / WORKLOADS[options.benchmark].facts_file)
    count = next((facts[key] for key in _COUNTS if key in facts), None)
    benchmark = options.rules.benchmarks[options.benchmark]
    if count != benchmark.dataset_sample_count:
        raise StepFailed(
            f"{options.dataset.path}: has {count} {benchmark.sample_unit}, and {options.round} requires "
            f"{benchmark.dataset_sample_count} of {options.benchmark}: no submission takes this result; "
            "use the whole dataset, or leave --submission_dir out"
        )
