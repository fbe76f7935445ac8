"""A model of an exploration: its file, its dataset, and the prior of its accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.race import Belief
from mlperf_home.contracts.studies.study import CandidateDescription
from mlperf_home.published.classifiers import copied_top1
from mlperf_home.samples import bert, mobilenet
from mlperf_home.steps.run_request import WORKLOADS

if TYPE_CHECKING:
    from scriptgraph.api import Context

PRIOR_SD = 0.3
"""In percentage points: other engines and other preprocessing change an accuracy by some tenths."""


def describe_candidate(context: Context) -> CandidateDescription:
    """Return the description of a model for the exploration's step."""
    benchmark = context.text("CM_MLPERF_BENCHMARK")
    percent, accuracy_source = _expected_accuracy(context)
    return CandidateDescription(
        model=context.text("CM_EXPLORE_MODEL"),
        name=context.name("CM_ML_MODEL_FULL_NAME"),
        path=str(context.existing("CM_ML_MODEL_FILE_WITH_PATH")),
        dataset=str(context.existing(WORKLOADS[benchmark].dataset_key)),
        questions=str(context.existing("CM_DATASET_SQUAD_VAL_PATH")) if benchmark == "bert-99" else "",
        weight_type=context.text("CM_ML_MODEL_WEIGHT_TYPE", ""),
        source=context.text("CM_ML_MODEL_SOURCE", ""),
        prior=None if percent is None else Belief(percent, PRIOR_SD, accuracy_source),
    )


def _expected_accuracy(context: Context) -> tuple[float | None, str]:
    """Return the expected accuracy in percent, None if unknown, and its source."""
    is_bert = context.text("CM_MLPERF_BENCHMARK") == "bert-99"
    if context.text("CM_ML_MODEL_SAMPLE", ""):
        name = context.existing("CM_ML_MODEL_FILE_WITH_PATH").name
        models = bert.provenance()["scores"] if is_bert else mobilenet.provenance()["models"]
        # A model that was quantised here has no score there.
        percent = models[name]["f1" if is_bert else "accuracy_percent"] if name in models else None
        return percent, "the sample's own sample.json"
    if is_bert:
        return context.number("CM_ML_MODEL_PUBLISHED_F1"), "published with the model"
    published, crowd = context.number("CM_ML_MODEL_PUBLISHED_TOP1"), context.number("CM_ML_MODEL_MEASURED_TOP1")
    # The results of 2023 fed raw pixels to EfficientNet's int8 models, so those accuracies do not apply here.
    raw = context.text("CM_DATASET_IMAGENET_RECIPE", "") == "published"
    own = raw and "efficientnet" in context.text("CM_EXPLORE_MODEL")
    source = context.text("CM_ML_MODEL_PUBLISHED_TOP1_SOURCE", "published")
    return copied_top1((published, source), crowd, own=own)
