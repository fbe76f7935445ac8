"""Compute accuracy.txt from an accuracy log.

`python -m mlperf_home.accuracy.imagenet --log F (--images DIR | --labels F) [--dtype float32] --out accuracy.txt`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.accuracy.imagenet.evaluation import DTYPES, accuracy_text, evaluate, score_log
from mlperf_home.datasets.command import report
from mlperf_home.datasets.imagenet.labels import read_labels
from mlperf_home.loadgen_logs.accuracy_log import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt and print one JSON line; return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.imagenet", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--images", type=Path, help="the folder of preprocessed images of the run: all must have results"
    )
    source.add_argument("--labels", type=Path, help="val_map.txt alone, as the official script takes it")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="how the run wrote classes")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    chosen = parser.parse_args(arguments)
    return report(lambda: _compute(chosen))


def _compute(chosen: argparse.Namespace) -> dict[str, Any]:
    if chosen.images:
        evaluation = evaluate(chosen.log, chosen.images, chosen.dtype)
    else:
        evaluation = score_log(chosen.log, read_labels(chosen.labels), chosen.dtype)
    write_text(chosen.out, accuracy_text(evaluation))
    return {"top1_percent": evaluation.top1_percent, **evaluation._asdict(), "accuracy_txt": str(chosen.out)}


if __name__ == "__main__":
    sys.exit(main())
