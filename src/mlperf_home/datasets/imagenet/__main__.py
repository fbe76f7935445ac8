"""Make a folder of preprocessed images.

`python -m mlperf_home.datasets.imagenet --images DIR_OR_TAR --labels F --resolution N --out DIR`

Prints JSON lines: the progress ({"event": "preprocessing", "done": n, "total": n}), then the folder's description.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.runs.progress import print_failure
from mlperf_home.datasets.base import DatasetError, report
from mlperf_home.datasets.imagenet.recipes import FAMILIES, MOBILENET, PUBLISHED, RECIPES, find_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_INTERRUPTED = 130
_LINES = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the folder, print JSON lines, the last its description, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.datasets.imagenet", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="the validation set: a folder or a tar")
    parser.add_argument("--labels", type=Path, required=True, help="val_map.txt, or a folder with it")
    parser.add_argument("--resolution", type=int, required=True, help="rows and columns of the preprocessed images")
    parser.add_argument("--recipe", choices=RECIPES, default=PUBLISHED, help="the preprocessing recipe")
    parser.add_argument(
        "--family", choices=FAMILIES, default=MOBILENET, help="the model family of the published recipe"
    )
    parser.add_argument("--count", type=_count, help="use only the first N images")
    parser.add_argument("--workers", type=_count, help="processes; by default one for each processor")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument("--partial", type=Path, help="the folder of unfinished work; by default beside --out")
    parser.add_argument("--left", type=Path, help="a folder with unfinished work of earlier runs, as */NAME")
    options = parser.parse_args(arguments)
    try:
        return report(lambda: _preprocess(options))
    except KeyboardInterrupt:
        print_failure("interrupted; repeat the command to resume")
        return EXIT_INTERRUPTED


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; pass a whole number from 1")
    return int(text)


def _preprocess(options: argparse.Namespace) -> dict[str, Any]:
    recipe = find_recipe(options.recipe, options.family, options.resolution)
    try:
        from mlperf_home.datasets.imagenet import preprocessing  # noqa: PLC0415 - its absence has a message
    except ImportError as error:
        advice = "install it into this Python: pip install opencv-python-headless"
        raise DatasetError(sys.executable, f"lacks a package ({error})", advice) from error
    out = options.out.absolute()
    folder = preprocessing.ImageFolder(
        images=options.images.absolute(),
        labels=options.labels,
        count=options.count,
        recipe=recipe,
        out=out,
        partial=options.partial.absolute() if options.partial else out.with_name(f".{out.name}.partial"),
        workers=options.workers or len(os.sched_getaffinity(0)),
        left=options.left,
    )
    printed: set[int] = set()

    def report_progress(done: int, total: int) -> None:
        if (share := done * _LINES // total) not in printed:
            printed.add(share)
            print_line({"event": "preprocessing", "done": done, "total": total})

    outcome = preprocessing.preprocess(folder, report_progress)
    return {**outcome.facts, "made": outcome.made, "reused": outcome.reused, "images_dir": str(options.out)}


if __name__ == "__main__":
    sys.exit(main())
