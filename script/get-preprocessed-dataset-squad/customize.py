"""Preprocess a SQuAD file into features, once for each file and vocabulary."""

import hashlib

from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, parse_json


def fingerprint(context: Context) -> str:
    """Return hashes of both files; their paths may hold other questions later."""
    files = [context.existing("CM_DATASET_SQUAD_VAL_PATH"), context.existing("CM_DATASET_SQUAD_VOCAB_PATH")]
    return " ".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def preprocess(context: Context) -> Outcome:
    """Tokenise in the workload's environment, which has NumPy and the tokeniser."""
    dataset = context.existing("CM_DATASET_SQUAD_VAL_PATH")
    folder = context.output / "features"
    lines: list[str] = []
    run_module(
        context.command,
        [context.text("CM_MLPERF_LOADGEN_PYTHON")],
        [
            *("mlperf_home.datasets.squad", "--dataset", dataset),
            *("--vocab", context.existing("CM_DATASET_SQUAD_VOCAB_PATH"), "--out", folder),
        ],
        on_line=lines.append,
    )
    count = parse_json(lines[-1], folder)["features"]
    context.say(f"{count} features")
    return Done(
        exports={
            "CM_DATASET_SQUAD_FEATURES_PATH": folder,
            "CM_DATASET_SQUAD_FEATURES": count,
            "CM_DATASET_SQUAD_VAL_PATH": dataset,
        }
    )
