"""Locate the model: the user's own, the sample's, or a downloaded one."""

from pathlib import Path

import mlperf_home
from scriptgraph.api import Context, Done, Outcome

_SAMPLES = Path(mlperf_home.__file__).parent / "samples" / "bert"
_OWN_FILES = ("CM_ML_MODEL_PATH", "CM_MLPERF_CUSTOM_MODEL_PATH")


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else the sample's, else a dependency's."""
    for key in _OWN_FILES:
        if context.path(key) is not None:
            path = context.existing(key)
            name = _requested_name(context) or f"{path.stem}-bert-99"
            return Done(
                exports={
                    "CM_ML_MODEL_FILE_WITH_PATH": path,
                    "CM_ML_MODEL_FULL_NAME": name,
                    "CM_ML_MODEL_WEIGHT_TYPE": "unknown",
                    "CM_ML_MODEL_SOURCE": f"the user's file {path.name}",
                    "CM_ML_MODEL_SAMPLE": "",
                }
            )
    sample, made = context.text("CM_ML_MODEL_SAMPLE", ""), context.text("CM_ML_MODEL_QUANTISED_PATH", "")
    if sample and not made:
        name = _requested_name(context) or context.text("CM_ML_MODEL_VARIATION_NAME")
        return Done(exports={"CM_ML_MODEL_FULL_NAME": name, "CM_ML_MODEL_FILE_WITH_PATH": _SAMPLES / f"{sample}.onnx"})
    keys = ("CM_ML_MODEL_QUANTISED_PATH", "CM_ML_MODEL_ZOO_PATH", "CM_EXTRACT_MEMBER_PATH", "CM_DOWNLOAD_PATH")
    brought = next(path for key in keys if (path := context.text(key, "")))
    name = _requested_name(context) or context.text("CM_ML_MODEL_VARIATION_NAME", Path(brought).stem)
    return Done(exports={"CM_ML_MODEL_FILE_WITH_PATH": brought, "CM_ML_MODEL_FULL_NAME": name})


def _requested_name(context: Context) -> str:
    # --model_name, or --env.CM_ML_MODEL_FULL_NAME of 2023.
    return context.name("CM_ML_MODEL_FULL_NAME_GIVEN", "") or context.name("CM_ML_MODEL_FULL_NAME", "")
