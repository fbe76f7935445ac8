"""Make a folder of preprocessed images.

`python -m mlperf_home.datasets.imagenet --images DIR_OR_TAR --labels F --resolution N --out DIR`

Prints JSON lines: how far it is ({"event": "preprocessing", "done": n, "total": n}), then what was made.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.datasets.base import DatasetError, report
from mlperf_home.datasets.imagenet.recipes import FAMILIES, MOBILENET, PUBLISHED, RECIPES, find_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_INTERRUPTED = 130
_LINES = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the folder and print JSON lines, the last one its description; return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.datasets.imagenet", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="the validation set: its folder or its tar")
    parser.add_argument("--labels", type=Path, required=True, help="val_map.txt, or a folder with it")
    parser.add_argument("--resolution", type=int, required=True, help="rows and columns of the images to make")
    parser.add_argument("--recipe", choices=RECIPES, default=PUBLISHED, help="how they are made")
    parser.add_argument("--family", choices=FAMILIES, default=MOBILENET, help="whose published way")
    parser.add_argument("--count", type=_count, help="only the first so many images")
    parser.add_argument("--workers", type=_count, help="processes; as many as there are processors unless given")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument("--partial", type=Path, help="where unfinished work is kept; beside --out unless given")
    parser.add_argument("--left", type=Path, help="a folder in which earlier runs may have left work, as */NAME")
    chosen = parser.parse_args(arguments)
    try:
        return report(lambda: _preprocess(chosen))
    except KeyboardInterrupt:
        print("mlperf-home: interrupted; the same command goes on with what is done", file=sys.stderr)
        return EXIT_INTERRUPTED


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no count")
    return int(text)


def _preprocess(chosen: argparse.Namespace) -> dict[str, Any]:
    recipe = find_recipe(chosen.recipe, chosen.family, chosen.resolution)
    try:
        from mlperf_home.datasets.imagenet import preprocessing  # noqa: PLC0415 - absence is an error in words
    except ImportError as error:
        advice = "install it into this Python: pip install opencv-python-headless"
        raise DatasetError(sys.executable, f"lacks a package ({error})", advice) from error
    out = chosen.out.absolute()
    wanted = preprocessing.Wanted(
        images=chosen.images.absolute(),
        labels=chosen.labels,
        count=chosen.count,
        recipe=recipe,
        out=out,
        partial=chosen.partial.absolute() if chosen.partial else out.with_name(f".{out.name}.partial"),
        workers=chosen.workers or len(os.sched_getaffinity(0)),
        left=chosen.left,
    )
    printed: set[int] = set()

    def tell(done: int, total: int) -> None:
        if (share := done * _LINES // total) not in printed:
            printed.add(share)
            print(json.dumps({"event": "preprocessing", "done": done, "total": total}), flush=True)

    outcome = preprocessing.preprocess(wanted, tell)
    return {**outcome.facts, "made": outcome.made, "reused": outcome.reused, "images_dir": str(chosen.out)}


if __name__ == "__main__":
    sys.exit(main())
