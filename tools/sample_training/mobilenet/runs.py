"""Train, convert, score and publish all networks."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import platform
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from mlperf_home.samples.images import image_files as images
from mlperf_home.samples.images.figures import CLASSES
from mlperf_home.samples.images.image_files import IMAGES_SHA256
from sample_training.mobilenet import recipe
from sample_training.mobilenet.fitting import train
from sample_training.mobilenet.network import float_bytes, int8_bytes
from sample_training.mobilenet.preparation import RECIPE, prepare
from sample_training.mobilenet.scoring import TfliteFile, accuracy_percent, interpreter_class, latencies_us
from sample_training.publication import publish

if TYPE_CHECKING:
    from sample_training.mobilenet.recipe import Variant

NOTE = "sample models for the sample's own images: good for trying, not for publishing"
# The number of training images that a process makes at a time.
_PART = 1000


@dataclass(frozen=True)
class MobileNetOptions:
    """The options of the training.

    Attributes:
        seed: the seed of weights and training images.
        processes: the number of networks trained in parallel, with one thread each.
        images: the number of training images.
        epochs: the number of passes over the images.
    """

    seed: int
    processes: int
    images: int
    epochs: int

    def command(self) -> str:
        """Return the command that repeats the training."""
        words = " ".join(f"--{name} {value}" for name, value in asdict(self).items())
        return f"python -m sample_training.mobilenet --out DIR {words}"


def make_models(out: Path, options: MobileNetOptions) -> None:
    """Train, convert and score all networks, then write their files and sample.json into `out`.

    Raises:
        OSError: `out` cannot be written.
    """
    began_s = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    # TensorFlow's threads do not survive a fork.
    spawning = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(dir=out) as name,
        ProcessPoolExecutor(options.processes, spawning, initializer=_one_thread) as pool,
    ):
        folder = Path(name)
        parts = range(0, options.images, _PART)
        list(pool.map(_save_part, *zip(*((folder, options, first) for first in parts), strict=True)))
        # The largest network first, so that the processes end at about the same time.
        variants = sorted(recipe.VARIANTS, key=lambda variant: (variant.resolution, variant.multiplier_percent))[::-1]
        list(pool.map(_save_models, *zip(*((folder, options, variant) for variant in variants), strict=True)))
        training_s = time.monotonic() - began_s
        models = _score_files(folder)
        facts = {**_facts(options), "training_s": round(training_s), "models": models}
        publish(folder, out, facts, names=recipe.MODEL_FILES, note=NOTE)


def _one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def _save_part(folder: Path, options: MobileNetOptions, first: int) -> None:
    """Make and save a part of the training images, from number `first`."""
    indices = range(first, min(first + _PART, options.images))
    pixels, labels = prepare(options.seed, indices, recipe.RESOLUTIONS)
    np.save(folder / f"labels-{first:06d}.npy", labels)
    for resolution, part in pixels.items():
        np.save(folder / f"pixels-{resolution}-{first:06d}.npy", part)


def _save_models(folder: Path, options: MobileNetOptions, variant: Variant) -> None:
    """Train a network and convert it to float and int8 files."""
    parts = sorted(folder.glob(f"pixels-{variant.resolution}-*.npy"))
    pixels = np.concatenate([np.load(part) for part in parts])
    labels = np.concatenate([np.load(part) for part in sorted(folder.glob("labels-*.npy"))])
    model = train(variant, pixels, labels, seed=options.seed, epochs=options.epochs)
    (folder / variant.file_name("float")).write_bytes(float_bytes(model))
    (folder / variant.file_name("int8")).write_bytes(int8_bytes(model, pixels[: recipe.REPRESENTATIVE_IMAGES]))


def _score_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Describe each file, with its accuracy on the sample's images and its relative latency."""
    pixels, labels = prepare(images.SEED, range(images.IMAGES), recipe.RESOLUTIONS)
    classifiers = {name: TfliteFile(folder / name) for name in recipe.MODEL_FILES}
    times_us = latencies_us(classifiers, pixels)
    order = sorted(times_us, key=times_us.__getitem__)
    scores = {}
    for variant in recipe.VARIANTS:
        for precision in recipe.PRECISIONS:
            name = variant.file_name(precision)
            accuracy = accuracy_percent(classifiers[name], pixels[variant.resolution], labels)
            scores[name] = {
                **_describe_file(variant, precision, classifiers[name]),
                "accuracy_percent": round(accuracy, 3),
                "latency_rank": order.index(name) + 1,
                "latency_to_fastest": round(times_us[name] / times_us[order[0]], 2),
            }
            print(name, scores[name], flush=True)
    return scores


def _describe_file(variant: Variant, precision: str, classifier: TfliteFile) -> dict[str, Any]:
    return {
        "multiplier": variant.multiplier_percent / 100,
        "resolution": variant.resolution,
        "precision": precision,
        "input": _tensor(classifier.input),
        "output": _tensor(classifier.output),
    }


def _tensor(details: dict[str, Any]) -> dict[str, Any]:
    """Describe a tensor; with a scale, the real value is (level - zero point) * scale."""
    scale, zero_point = details["quantization"]
    quantised = {"scale": float(scale), "zero_point": int(zero_point)} if scale else {}
    return {"shape": [int(size) for size in details["shape"]], "dtype": details["dtype"].__name__, **quantised}


def _facts(options: MobileNetOptions) -> dict[str, Any]:
    return {
        "command": options.command(),
        "seed": options.seed,
        "python": platform.python_version(),
        "packages": {package: importlib.metadata.version(package) for package in recipe.PACKAGES},
        "images": {"seed": images.SEED, "count": images.IMAGES, "sha256": IMAGES_SHA256},
        "classes": list(CLASSES),
        "preparation": RECIPE,
        "training_images": options.images,
        "latency": "one image at a time, one thread, the files taking turns; ranks and ratios on one machine, "
        f"by {interpreter_class().__module__}",
    }
