"""Train the sample's MobileNets: `python -m sample_training.mobilenet --out DIR`.

Needs requirements-mobilenet.txt in the folder above. Writes a TFLite file for each multiplier,
resolution and precision, and sample.json, all when everything has worked, or nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.samples.images import image_files as images
from sample_training.mobilenet import recipe
from sample_training.publication import fail, missing_packages

if TYPE_CHECKING:
    from collections.abc import Sequence

# Never the sample's own: what is scored must not be trained on.
SEED = 11


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, convert, score and publish; give the exit code."""
    chosen = _parse(arguments)
    missing = missing_packages(recipe.PACKAGES)
    if missing:
        problem = f"this Python lacks {', '.join(missing)}"
        return fail(f"{problem}; install tools/sample_training/requirements-mobilenet.txt")
    if chosen.seed == images.SEED:
        return fail(f"--seed {chosen.seed}: is the seed of the images that are scored; give another")
    from sample_training.mobilenet.runs import Options, make_models  # noqa: PLC0415 - TensorFlow is needed for training only

    try:
        make_models(chosen.out, Options(chosen.seed, chosen.processes, chosen.images, chosen.epochs))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}; choose another folder")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sample_training.mobilenet", description="Train and convert the sample's MobileNets."
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="of weights and training images (%(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="networks at the same time (%(default)s)")
    parser.add_argument("--images", type=int, default=recipe.TRAINING_IMAGES, help="to train on (%(default)s)")
    parser.add_argument("--epochs", type=int, default=recipe.EPOCHS, help="how often each is seen (%(default)s)")
    chosen = parser.parse_args(arguments)
    if chosen.images < recipe.BATCH or chosen.epochs < 1 or chosen.processes < 1 or chosen.seed < 0:
        parser.error(f"--images is {recipe.BATCH} or more, --epochs and --processes 1 or more, --seed 0 or more")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
