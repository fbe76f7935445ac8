"""The image classifier that a step exports: the user's own, one of the sample's, or a downloaded one."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.engines.tflite.classifier_file import read_classifier_file
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.samples import mobilenet
from scriptgraph.api import Context, StepFailed, Value

NOTHING_PUBLISHED = dict.fromkeys(
    ("CM_ML_MODEL_PUBLISHED_TOP1", "CM_ML_MODEL_PUBLISHED_TOP1_SOURCE", "CM_ML_MODEL_MEASURED_TOP1")
)


def describe_model(context: Context) -> dict[str, Value]:
    """Select the model's file, check its input size, and return the exports of the step.

    Raises:
        StepFailed: none was named, or the file takes images of another size than its variation says.
        BackendError: the file is no complete TFLite classifier of single square RGB images.
    """
    name, path, exports = _select(context)
    facts = read_classifier_file(path)
    # --model_name, or the 2023 spelling --env.CM_ML_MODEL_FULL_NAME.
    option = context.name("CM_ML_MODEL_FULL_NAME_GIVEN", "") or context.name("CM_ML_MODEL_FULL_NAME", "")
    return {
        "CM_ML_MODEL_SAMPLE": "",
        **exports,
        "CM_ML_MODEL_FILE_WITH_PATH": str(path),
        "CM_ML_MODEL_FULL_NAME": option or name,
        "CM_ML_MODEL_RESOLUTION": facts.side,
        "CM_ML_MODEL_CLASSES": facts.classes,
        "CM_DATASET_INPUT_SQUARE_SIDE": facts.side,
    }


def _select(context: Context) -> tuple[str, Path, dict[str, Value]]:
    if context.path("CM_ML_MODEL_PATH") is not None:
        path = context.existing("CM_ML_MODEL_PATH")
        exports: dict[str, Value] = {
            "CM_ML_MODEL_WEIGHT_TYPE": "unknown",
            "CM_ML_MODEL_SOURCE": f"the user's file {path.name}",
        }
        return path.stem, path, {**NOTHING_PUBLISHED, **exports}
    if context.text("CM_ML_MODEL_SAMPLE_NAME", ""):
        return _select_sample(context.name("CM_ML_MODEL_SAMPLE_NAME"))
    extracted = context.text("CM_EXTRACT_MEMBER_PATH", "")
    if not extracted:
        raise StepFailed(
            "no model has these variations; use --model_path=F.tflite, the variation _sample, or variations of a "
            f"published model: v1 has the multipliers {_multipliers('v1')}, v2 {_multipliers('v2')}; v3's "
            "small-minimalistic has no uint8"
        )
    path, side = Path(extracted), context.whole("CM_ML_MODEL_RESOLUTION")
    size = read_classifier_file(path).side
    if size != side:
        raise StepFailed(f"{path}: takes images of {size} pixels, not {side}; download the published file again")
    host = context.text("CM_DOWNLOAD_URL").partition(",")[0]
    return context.name("CM_ML_MODEL_VARIATION_NAME"), path, {"CM_ML_MODEL_SOURCE": host}


def _multipliers(version: str) -> str:
    rows = (row.variations for row in read_classifiers() if version in row.variations)
    multipliers = (name.partition("multiplier-")[2] for variations in rows for name in variations)
    return ", ".join(dict.fromkeys(filter(None, multipliers)))


def _select_sample(name: str) -> tuple[str, Path, dict[str, Value]]:
    if name not in mobilenet.MODELS:
        raise StepFailed(f"the sample has no model {name!r}; use one of {', '.join(mobilenet.MODELS)}")
    exports: dict[str, Value] = {
        **NOTHING_PUBLISHED,
        "CM_ML_MODEL_WEIGHT_TYPE": "int8" if name.endswith("int8") else "fp32",
        "CM_ML_MODEL_SOURCE": "the embedded sample",
        "CM_ML_MODEL_SAMPLE": "yes",
    }
    return name, mobilenet.MODELS[name], exports
