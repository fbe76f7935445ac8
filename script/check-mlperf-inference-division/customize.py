"""Check that a division allows a run."""

from mlperf_home.submission.assemble.prerequisites import ModelChoice, refusals
from scriptgraph.api import Context, Done, Outcome, StepFailed


def preprocess(context: Context) -> Outcome:
    """Raise all refusals of the division at once, before anything is fetched or measured."""
    own = next(
        (text for key in ("CM_ML_MODEL_PATH", "CM_MLPERF_CUSTOM_MODEL_PATH") if (text := context.text(key, ""))), ""
    )
    model = context.text("CM_MLPERF_MODEL", "")
    stub = model if model.startswith("zoo:") else context.text("CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB", "")
    variation = context.text("CM_ML_MODEL_VARIATION", "")
    if not variation and context.text("CM_MLPERF_PRECISION", "") == "fp32":
        variation = "onnx-fp32"
    sample = context.flag("CM_DATASET_SAMPLE") and context.flag("CM_MLPERF_ALLOW_SAMPLE")
    choice = ModelChoice(variation, own or stub, sample, context.text("CM_MLPERF_BENCHMARK", "bert-99"))
    refused = refusals(context.text("CM_MLPERF_DIVISION"), context.text("CM_MLPERF_COMPLIANCE", ""), choice)
    if refused:
        raise StepFailed("; ".join(refused))
    return Done()
