"""Compute accuracy.txt from an accuracy log.

`python -m mlperf_home.accuracy.squad --log F --features DIR --dataset F --out accuracy.txt [--predictions F]`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.accuracy.squad.evaluation import accuracy_text, evaluate
from mlperf_home.datasets.command import report
from mlperf_home.loadgen_logs.accuracy_log import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_PRINTED = ("questions", "samples", "log_sha256", "sample_note", "notes", "accuracy_txt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt (and predictions.json) and print one JSON line; return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.squad", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    parser.add_argument("--features", type=Path, required=True, help="the features folder of the run")
    parser.add_argument("--dataset", type=Path, required=True, help="the SQuAD v1.1 file of the run")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    parser.add_argument("--predictions", type=Path, help="the predictions.json to write")
    chosen = parser.parse_args(arguments)
    return report(lambda: _compute(chosen))


def _compute(chosen: argparse.Namespace) -> dict[str, Any]:
    evaluation = evaluate(chosen.log, chosen.features, chosen.dataset)
    if chosen.predictions:
        write_text(chosen.predictions, json.dumps(evaluation.predictions, indent=4) + "\n")
    write_text(chosen.out, accuracy_text(evaluation))
    facts = {**evaluation._asdict(), "questions": len(evaluation.predictions), "accuracy_txt": str(chosen.out)}
    return {**evaluation.scores._asdict(), **{name: facts[name] for name in _PRINTED}}


if __name__ == "__main__":
    sys.exit(main())
