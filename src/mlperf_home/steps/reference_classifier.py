"""The ResNet-50 that a step exports: the user's own file, the sample's stand-in, or MLPerf's reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.engines.onnx.classifier_file import read_onnx_classifier
from mlperf_home.samples import resnet50
from mlperf_home.steps.image_models import NOTHING_PUBLISHED

if TYPE_CHECKING:
    from scriptgraph.api import Context, Value


def describe_reference(context: Context) -> dict[str, Value]:
    """Select the model's file, read the size of its images, and return the exports of the step.

    Raises:
        BackendError: the file is no complete ONNX classifier of single square RGB images.
    """
    exports: dict[str, Value] = {"CM_ML_MODEL_MEASURED_TOP1": None}
    if context.path("CM_ML_MODEL_PATH") is not None:
        path = context.existing("CM_ML_MODEL_PATH")
        name = path.stem if "resnet50" in path.stem else f"{path.stem}-resnet50"
        exports |= NOTHING_PUBLISHED | {
            "CM_ML_MODEL_WEIGHT_TYPE": "unknown",
            "CM_ML_MODEL_SOURCE": f"the user's file {path.name}",
            "CM_ML_MODEL_SAMPLE": "",
        }
    elif context.text("CM_ML_MODEL_SAMPLE", ""):
        name, path = resnet50.NAME, resnet50.MODEL
        exports |= NOTHING_PUBLISHED
    else:
        name, path = context.text("CM_ML_MODEL_VARIATION_NAME"), Path(context.text("CM_DOWNLOAD_PATH"))
        exports["CM_ML_MODEL_SAMPLE"] = ""
    facts = read_onnx_classifier(path)
    # --model_name, or the 2023 spelling --env.CM_ML_MODEL_FULL_NAME.
    option = context.name("CM_ML_MODEL_FULL_NAME_GIVEN", "") or context.name("CM_ML_MODEL_FULL_NAME", "")
    return {
        **exports,
        "CM_ML_MODEL_FILE_WITH_PATH": str(path),
        "CM_ML_MODEL_FULL_NAME": option or name,
        "CM_ML_MODEL_RESOLUTION": facts.side,
        "CM_ML_MODEL_CLASSES": facts.classes,
        "CM_DATASET_INPUT_SQUARE_SIDE": facts.side,
    }
