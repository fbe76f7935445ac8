"""Compute accuracy.txt from an accuracy log.

`python -m mlperf_home.accuracy.squad --log F --features DIR --dataset F --out accuracy.txt [--predictions F]`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.accuracy.squad.evaluation import accuracy_text, evaluate, predictions_text, summary
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_BAD_INPUT = 65


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt (and predictions.json) and print one JSON line; give the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.squad", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    parser.add_argument("--features", type=Path, required=True, help="the features folder of the run")
    parser.add_argument("--dataset", type=Path, required=True, help="the SQuAD v1.1 file of the run")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    parser.add_argument("--predictions", type=Path, help="the predictions.json to write")
    chosen = parser.parse_args(arguments)
    try:
        evaluation = evaluate(chosen.log, chosen.features, chosen.dataset)
        if chosen.predictions:
            write_text(chosen.predictions, predictions_text(evaluation))
        write_text(chosen.out, accuracy_text(evaluation))
    except LocatedError as error:
        print(f"mlperf-home: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(json.dumps({**summary(evaluation), "accuracy_txt": str(chosen.out)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
