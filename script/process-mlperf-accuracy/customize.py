"""Compute accuracy.txt beside an accuracy log, as the official scripts would."""

from pathlib import Path
from typing import Any

from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, StepFailed, parse_json


def preprocess(context: Context) -> Outcome:
    """Evaluate the log in the workload's environment, which has NumPy and the tokeniser."""
    log = context.existing("CM_MLPERF_ACCURACY_LOG")
    images = context.text("CM_MLPERF_BENCHMARK") == "resnet"
    told = _evaluate(context, log, _classification(context) if images else _questions(context))
    try:
        if images:
            scores = {"CM_MLPERF_TOP1": told["top1_percent"]}
            said = f"top-1 {told['top1_percent']:.3f} % on {told['total']} images"
        else:
            scores = {"CM_MLPERF_F1": told["f1"], "CM_MLPERF_EXACT_MATCH": told["exact_match"]}
            said = f"F1 {told['f1']:.3f}, exact match {told['exact_match']:.3f} on {told['questions']} questions"
    except KeyError as error:
        raise _told_nothing(log) from error
    context.say(said)
    return Done(exports={"CM_MLPERF_ACCURACY_TXT": log.parent / "accuracy.txt", **scores})


def _questions(context: Context) -> list[str | Path]:
    return [
        *("mlperf_home.accuracy.squad", "--features", context.existing("CM_DATASET_SQUAD_FEATURES_PATH")),
        *("--dataset", context.existing("CM_DATASET_SQUAD_VAL_PATH")),
    ]


def _classification(context: Context) -> list[str | Path]:
    return ["mlperf_home.accuracy.imagenet", "--images", context.existing("CM_DATASET_PREPROCESSED_PATH")]


def _evaluate(context: Context, log: Path, words: list[str | Path]) -> dict[str, Any]:
    answers: list[str] = []
    python = [context.text("CM_MLPERF_LOADGEN_PYTHON")]
    wanted = [*words, "--log", log, "--out", log.parent / "accuracy.txt"]
    run_module(context.command, python, wanted, on_line=answers.append)
    try:
        told: dict[str, Any] = parse_json(answers[-1], log)
    except (IndexError, ScriptGraphError) as error:
        raise _told_nothing(log) from error
    return told


def _told_nothing(log: Path) -> StepFailed:
    return StepFailed(f"{log}: its evaluation gave no scores; see the log of this step")
