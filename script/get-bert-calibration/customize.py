"""Choose the questions for calibrating a quantisation."""

from pathlib import Path

from mlperf_home.datasets.base import DatasetError
from mlperf_home.steps.calibration_questions import refuse_evaluation, write_part
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on

_OWN_MODELS = ("CM_ML_MODEL_PATH", "CM_MLPERF_CUSTOM_MODEL_PATH")


def preprocess(context: Context) -> Outcome:
    """Check that they are not the evaluation's, and write an even part of them."""
    if context.path("CM_CALIBRATION_PATH") is not None:
        source = context.existing("CM_CALIBRATION_PATH")
    elif any(context.text(key, "") for key in _OWN_MODELS) and not context.flag("CM_DATASET_SAMPLE"):
        raise StepFailed(
            "your own model has no calibration questions: name some in SQuAD v1.1 format, of its training, "
            "with --calibration_path"
        )
    else:
        key = "CM_DATASET_SQUAD_VAL_PATH" if context.flag("CM_DATASET_SAMPLE") else "CM_DOWNLOAD_PATH"
        source = Path(context.text(key))
    own = context.text("CM_DATASET_PATH", "")
    with failing_on(DatasetError):
        refuse_evaluation(source, Path(own) if own else None)
        target = write_part(source, context.output / "calibration.json")
    return Done(exports={"CM_CALIBRATION_QUESTIONS_PATH": target})
