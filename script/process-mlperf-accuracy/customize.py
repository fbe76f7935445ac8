"""Compute accuracy.txt beside an accuracy log, like the official scripts."""

from pathlib import Path
from typing import Any

from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, StepFailed, parse_json


def preprocess(context: Context) -> Outcome:
    """Evaluate the log in the workload's environment, which has NumPy and the tokeniser."""
    log = context.existing("CM_MLPERF_ACCURACY_LOG")
    images = context.text("CM_MLPERF_BENCHMARK") == "resnet"
    printed = _evaluate(context, log, _classification(context) if images else _questions(context))
    try:
        if images:
            scores = {"CM_MLPERF_TOP1": printed["top1_percent"]}
            summary = f"top-1 {printed['top1_percent']:.3f} % on {printed['total']} images"
        else:
            scores = {"CM_MLPERF_F1": printed["f1"], "CM_MLPERF_EXACT_MATCH": printed["exact_match"]}
            summary = (
                f"F1 {printed['f1']:.3f}, exact match {printed['exact_match']:.3f} on {printed['questions']} questions"
            )
    except KeyError as error:
        raise _no_scores(log) from error
    context.say(summary)
    return Done(exports={"CM_MLPERF_ACCURACY_TXT": log.parent / "accuracy.txt", **scores})


def _questions(context: Context) -> list[str | Path]:
    return [
        *("mlperf_home.accuracy.squad", "--features", context.existing("CM_DATASET_SQUAD_FEATURES_PATH")),
        *("--dataset", context.existing("CM_DATASET_SQUAD_VAL_PATH")),
    ]


def _classification(context: Context) -> list[str | Path]:
    return ["mlperf_home.accuracy.imagenet", "--images", context.existing("CM_DATASET_PREPROCESSED_PATH")]


def _evaluate(context: Context, log: Path, arguments: list[str | Path]) -> dict[str, Any]:
    lines: list[str] = []
    python = [context.text("CM_MLPERF_LOADGEN_PYTHON")]
    arguments = [*arguments, "--log", log, "--out", log.parent / "accuracy.txt"]
    run_module(context.command, python, arguments, on_line=lines.append)
    try:
        printed: dict[str, Any] = parse_json(lines[-1], log)
    except (IndexError, ScriptGraphError) as error:
        raise _no_scores(log) from error
    return printed


def _no_scores(log: Path) -> StepFailed:
    return StepFailed(f"{log}: the evaluation printed no scores; see the log of this step")
