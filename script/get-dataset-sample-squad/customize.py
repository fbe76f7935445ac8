"""Generate the embedded sample's questions."""

import sys

from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Generate the questions and the vocabulary; equal seeds give equal bytes everywhere."""
    count, seed = context.whole("CM_SAMPLE_QUESTIONS"), context.whole("CM_SAMPLE_SEED")
    options = ["--out", context.output, *(["--questions", str(count)] if count else [])]
    options += [] if seed is None else ["--seed", str(seed)]
    run_module(context.command, [sys.executable], ["mlperf_home.samples.questions", *options])
    return Done(
        exports={
            "CM_DATASET_SQUAD_VAL_PATH": context.output / "sample-squad-v1.1.json",
            "CM_DATASET_SQUAD_VOCAB_PATH": context.output / "vocab.txt",
        }
    )
