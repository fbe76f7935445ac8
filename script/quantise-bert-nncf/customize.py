"""Quantise a dense BERT model to int8 with NNCF."""

import hashlib
from pathlib import Path

from mlperf_home.samples import bert
from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, parse_json


def fingerprint(context: Context) -> str:
    """Return hashes of the model and the questions; their paths may hold others later."""
    files = [_dense(context), context.existing("CM_DATASET_SQUAD_VAL_PATH")]
    return " ".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def preprocess(context: Context) -> Outcome:
    """Quantise in NNCF's environment; fail if the F1 falls too far."""
    target, lines = context.output / "model.onnx", list[str]()
    context.say("calibrating and quantising; this takes minutes for a large model")
    run_module(
        context.command,
        [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")],
        [
            *("mlperf_home.quantising", "--model", _dense(context)),
            *("--features", context.existing("CM_DATASET_SQUAD_FEATURES_PATH")),
            *("--questions", context.existing("CM_DATASET_SQUAD_VAL_PATH"), "--out", target),
        ],
        on_line=lines.append,
    )
    made = parse_json(lines[-1], target)
    before, after = made["f1_before_percent"], made["f1_after_percent"]
    words = f"F1 {after:.2f} instead of {before:.2f} on {made['questions']} questions of the calibration file"
    context.say(words)
    return Done(
        exports={
            "CM_ML_MODEL_QUANTISED_PATH": target,
            "CM_ML_MODEL_QUANTISED_F1": after,
            "CM_ML_MODEL_DENSE_F1": before,
            "CM_ML_MODEL_TRANSFORMATION": (
                f"quantised to int8 by NNCF {made['nncf_version']} with {made['calibrated']} questions; {words}"
            ),
        }
    )


def _dense(context: Context) -> Path:
    """Return the model to quantise: the user's own, the sample's, or the one that the request brought."""
    if context.path("CM_ML_MODEL_PATH") is not None:
        return context.existing("CM_ML_MODEL_PATH")
    return bert.MODELS["dense"] if context.flag("CM_DATASET_SAMPLE") else context.existing("CM_DENSE_MODEL_PATH")
