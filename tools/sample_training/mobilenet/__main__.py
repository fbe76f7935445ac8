"""Train the sample's MobileNets: `python -m sample_training.mobilenet --out DIR`.

Needs requirements-mobilenet.txt in the folder above. Writes a TFLite file for each multiplier, resolution and
precision, and sample.json, only after every step has succeeded.
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

# Not the sample's seed: models must not be trained on the images that score them.
SEED = 11


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, convert, score and publish the models; return the exit code."""
    options = _parse(arguments)
    missing = missing_packages(recipe.PACKAGES)
    if missing:
        problem = f"this Python lacks {', '.join(missing)}"
        return fail(f"{problem}; install tools/sample_training/requirements-mobilenet.txt")
    if options.seed == images.SEED:
        return fail(f"--seed {options.seed}: is the seed of the scored images; pass another")
    from sample_training.mobilenet.runs import MobileNetOptions, make_models  # noqa: PLC0415 - only training needs TensorFlow

    try:
        make_models(options.out, MobileNetOptions(options.seed, options.processes, options.images, options.epochs))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}; choose another folder")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sample_training.mobilenet", description="Train and convert the sample's MobileNets."
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="the seed of weights and training images (%(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="networks trained in parallel (%(default)s)")
    parser.add_argument("--images", type=int, default=recipe.TRAINING_IMAGES, help="training images (%(default)s)")
    parser.add_argument("--epochs", type=int, default=recipe.EPOCHS, help="passes over the images (%(default)s)")
    options = parser.parse_args(arguments)
    if options.images < recipe.BATCH or options.epochs < 1 or options.processes < 1 or options.seed < 0:
        parser.error(f"--images must be at least {recipe.BATCH}, --epochs and --processes 1, --seed 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
