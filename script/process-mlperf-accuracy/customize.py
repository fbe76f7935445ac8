"""Compute accuracy.txt beside an accuracy log, as the official scripts would."""

import json

from mlperf_home.runs.launch import run_module
from scriptgraph.api import Context, Done, Outcome, StepFailed


def preprocess(context: Context) -> Outcome:
    """Evaluate the log in the workload's environment, which has NumPy and the tokeniser."""
    log = context.existing("CM_MLPERF_ACCURACY_LOG")
    answers: list[str] = []
    run_module(
        context.command,
        [context.text("CM_MLPERF_LOADGEN_PYTHON")],
        [
            *("mlperf_home.accuracy.squad", "--log", log, "--out", log.parent / "accuracy.txt"),
            *("--features", context.existing("CM_DATASET_SQUAD_FEATURES_PATH")),
            *("--dataset", context.existing("CM_DATASET_SQUAD_VAL_PATH")),
        ],
        on_line=answers.append,
    )
    try:
        told = json.loads(answers[-1])
        scores = {"CM_MLPERF_F1": told["f1"], "CM_MLPERF_EXACT_MATCH": told["exact_match"]}
    except (IndexError, ValueError, KeyError) as error:
        raise StepFailed(f"{log}: its evaluation gave no scores; see the log of this step") from error
    context.say(f"F1 {told['f1']:.3f}, exact match {told['exact_match']:.3f} on {told['questions']} questions")
    return Done(exports={"CM_MLPERF_ACCURACY_TXT": log.parent / "accuracy.txt", **scores})
