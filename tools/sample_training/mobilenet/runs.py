"""From images to published TFLite files."""

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
from sample_training.mobilenet.fitting import fitted
from sample_training.mobilenet.network import float_bytes, int8_bytes
from sample_training.mobilenet.preparation import RECIPE, prepared
from sample_training.mobilenet.scoring import Classifier, accuracy_percent, interpreter_class, latencies_us
from sample_training.publication import publish

if TYPE_CHECKING:
    from sample_training.mobilenet.recipe import Variant

NOTE = "sample models for the sample's own images: good for trying, not for publishing"
# Training images that one process makes at a time.
_PART = 1000


@dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        seed: of weights and training images.
        processes: how many networks are trained at the same time, with one thread each.
        images: how many are made to train on.
        epochs: how often each is seen.
    """

    seed: int
    processes: int
    images: int
    epochs: int

    def command(self) -> str:
        """Return the command that does the same again."""
        words = " ".join(f"--{name} {value}" for name, value in asdict(self).items())
        return f"python -m sample_training.mobilenet --out DIR {words}"


def make_models(out: Path, options: Options) -> None:
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
        # The largest first, so that the processes end together.
        variants = sorted(recipe.VARIANTS, key=lambda variant: (variant.resolution, variant.multiplier_percent))[::-1]
        list(pool.map(_save_models, *zip(*((folder, options, variant) for variant in variants), strict=True)))
        training_s = time.monotonic() - began_s
        models = _scored(folder)
        facts = {**_facts(options), "training_s": round(training_s), "models": models}
        publish(folder, out, facts, names=recipe.MODEL_FILES, note=NOTE)


def _one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def _save_part(folder: Path, options: Options, first: int) -> None:
    """Make some of the training images, from number `first` on."""
    indices = range(first, min(first + _PART, options.images))
    pixels, labels = prepared(options.seed, indices, recipe.RESOLUTIONS)
    np.save(folder / f"labels-{first:06d}.npy", labels)
    for resolution, part in pixels.items():
        np.save(folder / f"pixels-{resolution}-{first:06d}.npy", part)


def _save_models(folder: Path, options: Options, variant: Variant) -> None:
    """Train one network and convert it, float and int8."""
    parts = sorted(folder.glob(f"pixels-{variant.resolution}-*.npy"))
    pixels = np.concatenate([np.load(part) for part in parts])
    labels = np.concatenate([np.load(part) for part in sorted(folder.glob("labels-*.npy"))])
    model = fitted(variant, pixels, labels, seed=options.seed, epochs=options.epochs)
    (folder / variant.file_name("float")).write_bytes(float_bytes(model))
    (folder / variant.file_name("int8")).write_bytes(int8_bytes(model, pixels[: recipe.REPRESENTATIVE_IMAGES]))


def _scored(folder: Path) -> dict[str, dict[str, Any]]:
    """Say of each file what it is, how accurate on all of the sample's images, and how fast among its like."""
    pixels, labels = prepared(images.SEED, range(images.IMAGES), recipe.RESOLUTIONS)
    classifiers = {name: Classifier(folder / name) for name in recipe.MODEL_FILES}
    times_us = latencies_us(classifiers, pixels)
    order = sorted(times_us, key=times_us.__getitem__)
    scored = {}
    for variant in recipe.VARIANTS:
        for precision in recipe.PRECISIONS:
            name = variant.file_name(precision)
            accuracy = accuracy_percent(classifiers[name], pixels[variant.resolution], labels)
            scored[name] = {
                **_described(variant, precision, classifiers[name]),
                "accuracy_percent": round(accuracy, 3),
                "latency_rank": order.index(name) + 1,
                "latency_to_fastest": round(times_us[name] / times_us[order[0]], 2),
            }
            print(name, scored[name], flush=True)
    return scored


def _described(variant: Variant, precision: str, classifier: Classifier) -> dict[str, Any]:
    return {
        "multiplier": variant.multiplier_percent / 100,
        "resolution": variant.resolution,
        "precision": precision,
        "input": _tensor(classifier.input),
        "output": _tensor(classifier.output),
    }


def _tensor(details: dict[str, Any]) -> dict[str, Any]:
    """Describe a tensor; real value = (level - zero point) * scale, where there is a scale."""
    scale, zero_point = details["quantization"]
    quantised = {"scale": float(scale), "zero_point": int(zero_point)} if scale else {}
    return {"shape": [int(each) for each in details["shape"]], "dtype": details["dtype"].__name__, **quantised}


def _facts(options: Options) -> dict[str, Any]:
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
