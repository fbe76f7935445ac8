"""Say where the model is, and what size of images it takes."""

from mlperf_home.backends.base import BackendError
from mlperf_home.backends.tflite_file import input_side
from mlperf_home.samples import mobilenet
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else one of the sample's."""
    if context.path("CM_ML_MODEL_PATH") is not None:
        path = context.existing("CM_ML_MODEL_PATH")
        told = {"CM_ML_MODEL_WEIGHT_TYPE": "unknown", "CM_ML_MODEL_SOURCE": f"the user's file {path.name}"}
        name = path.stem
    else:
        name = context.name("CM_ML_MODEL_SAMPLE_NAME", "")
        if not name:
            raise StepFailed("no model was named; give --model_path=F.tflite, or the variation _sample")
        if name not in mobilenet.MODELS:
            raise StepFailed(f"the sample has no model {name!r}; it has {', '.join(mobilenet.MODELS)}")
        path = mobilenet.MODELS[name]
        told = {
            "CM_ML_MODEL_WEIGHT_TYPE": "int8" if name.endswith("int8") else "fp32",
            "CM_ML_MODEL_SOURCE": "the embedded sample",
            "CM_ML_MODEL_SAMPLE": "yes",
        }
    # --model_name, or the 2023 spelling --env.CM_ML_MODEL_FULL_NAME.
    given = context.name("CM_ML_MODEL_FULL_NAME_GIVEN", "") or context.name("CM_ML_MODEL_FULL_NAME", "")
    with failing_on(BackendError):
        side = input_side(path)
    return Done(
        exports={
            "CM_ML_MODEL_SAMPLE": "",
            **told,
            "CM_ML_MODEL_FILE_WITH_PATH": path,
            "CM_ML_MODEL_FULL_NAME": given or name,
            "CM_DATASET_INPUT_SQUARE_SIDE": side,
        }
    )
