"""A model of an exploration: its file, its dataset, and what is believed of its accuracy beforehand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.samples import bert, mobilenet
from mlperf_home.steps.workloads import WORKLOADS

if TYPE_CHECKING:
    from scriptgraph.api import Context

PRIOR_SD = 0.3
"""Points of a percent: other engines and other preparations of the images move an accuracy by some tenths."""

_CROWD = "the median of MLPerf inference v3.0 to v4.0"


def describe_candidate(context: Context) -> dict[str, Any]:
    """Give what the exploration's step reads of a model, as JSON values.

    Returns:
        {"model", "name", "path", "dataset", "questions", "weight_type", "source", "prior"}: all text but the prior,
        which is {"percent", "sd", "source"} or None.
    """
    return {
        "model": context.text("CM_EXPLORE_MODEL"),
        "name": context.name("CM_ML_MODEL_FULL_NAME"),
        "path": str(context.existing("CM_ML_MODEL_FILE_WITH_PATH")),
        **_dataset(context),
        "weight_type": context.text("CM_ML_MODEL_WEIGHT_TYPE", ""),
        "source": context.text("CM_ML_MODEL_SOURCE", ""),
        "prior": _prior(context),
    }


def read_candidates(listed: str) -> list[dict[str, Any]]:
    """Read the descriptions whose paths stand in a list, one a line."""
    return [json.loads(Path(line).read_text("utf-8")) for line in listed.splitlines() if line]


def _dataset(context: Context) -> dict[str, str]:
    dataset = context.existing(WORKLOADS[context.text("CM_MLPERF_BENCHMARK")].dataset_key)
    asked = context.text("CM_MLPERF_BENCHMARK") == "bert-99"
    return {"dataset": str(dataset), "questions": str(context.existing("CM_DATASET_SQUAD_VAL_PATH")) if asked else ""}


def _prior(context: Context) -> dict[str, Any] | None:
    if context.text("CM_MLPERF_BENCHMARK") == "bert-99":
        return _prior_f1(context)
    if context.text("CM_ML_MODEL_SAMPLE", ""):
        name = context.existing("CM_ML_MODEL_FILE_WITH_PATH").name
        percent: float = mobilenet.provenance()["models"][name]["accuracy_percent"]
        return {"percent": percent, "sd": PRIOR_SD, "source": "the sample's own sample.json"}
    published, crowd = context.number("CM_ML_MODEL_PUBLISHED_TOP1"), context.number("CM_ML_MODEL_MEASURED_TOP1")
    # In 2023 EfficientNet's int8 models were given raw pixels: what was measured then is not what we would measure.
    own = context.text("CM_DATASET_IMAGENET_RECIPE", "") == "published" and "efficientnet" in context.text(
        "CM_EXPLORE_MODEL"
    )
    source = context.text("CM_ML_MODEL_PUBLISHED_TOP1_SOURCE", "published")
    if published is not None and (own or crowd is None):
        return {"percent": published, "sd": PRIOR_SD, "source": source}
    return None if crowd is None else {"percent": crowd, "sd": PRIOR_SD, "source": _CROWD}


def _prior_f1(context: Context) -> dict[str, Any] | None:
    if context.text("CM_ML_MODEL_SAMPLE", ""):
        name = context.existing("CM_ML_MODEL_FILE_WITH_PATH").name
        percent: float | None = bert.provenance()["scores"][name]["f1"]
        return {"percent": percent, "sd": PRIOR_SD, "source": "the sample's own sample.json"}
    percent = context.number("CM_ML_MODEL_PUBLISHED_F1")
    return None if percent is None else {"percent": percent, "sd": PRIOR_SD, "source": "published with the model"}
