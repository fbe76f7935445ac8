"""What the benchmarks of image classifiers work on: models, the sample's images for each, and an open engine."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from work_folder import work_folder

from mlperf_home.contracts.grids import Grid
from mlperf_home.datasets.imagenet.preprocessing import ImageFolder, preprocess
from mlperf_home.datasets.imagenet.recipes import MOBILENET, PUBLISHED, find_recipe
from mlperf_home.datasets.imagenet.samples import ImagenetSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import Request
from mlperf_home.engines.tflite import library as tflite_library
from mlperf_home.engines.tflite.library import LITERT, TFLITE, Choices
from mlperf_home.engines.tflite.model_file import input_side
from mlperf_home.samples.images.image_files import write_images
from mlperf_home.samples.mobilenet import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.engines.base import Backend

PACKAGES = {"litert": LITERT, "tflite": TFLITE}
_IMAGES = 128


@dataclass(frozen=True)
class ImageJob:
    """What the command line asks for.

    Attributes:
        models: TFLite files.
        backends: the engines that are installed.
        rounds: how many count.
        seconds: about how long each way works in each round.
        json_path: where the figures go, or None.
    """

    models: tuple[Path, ...]
    backends: tuple[str, ...]
    rounds: int
    seconds: float
    json_path: Path | None


@dataclass(frozen=True)
class Opened:
    """An open engine, its grid, what it says of itself, and images that suit its model."""

    backend: Backend
    grid: Grid
    details: dict[str, Any]
    samples: ImagenetSamples
    model: Path
    engine: str

    def bare_calls(self) -> tuple[Callable[[], object], Callable[[], object]]:
        """Give one bare `invoke()` of an interpreter of its own, made as the engine's, with an image in it.

        The second sets the next image before it and reads the scores after it, as nobody can do without.
        """
        library, _ = tflite_library.load(PACKAGES[self.engine])
        choices = Choices(int(self.details["threads_per_stream"]), xnnpack=True, delegate=None)
        interpreter = tflite_library.make_interpreter(library, self.model, choices)
        count = self.samples.performance_count
        self.samples.load(range(count))
        images = itertools.cycle([self.samples.batch(np.array([index]), None)[0] for index in range(count)])
        given, made = (each[0]["index"] for each in (interpreter.get_input_details(), interpreter.get_output_details()))
        invoke, set_tensor, get_tensor = interpreter.invoke, interpreter.set_tensor, interpreter.get_tensor

        def fed() -> object:
            set_tensor(given, next(images))
            invoke()
            return get_tensor(made)

        fed()
        return invoke, fed


def read_job(description: str, arguments: Sequence[str] | None = None, *, rounds: int = 7) -> ImageJob:
    """Read the command line."""
    smallest, largest = MODELS["mobilenet_0.25_64_int8"], MODELS["mobilenet_0.50_96_float"]
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", type=Path, action="append", help="a TFLite classifier; may be given several times")
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds that count")
    parser.add_argument("--seconds", type=float, default=1.5, help="about how long each way works in a round")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    chosen = parser.parse_args(arguments)
    backends = tuple(name for name, each in PACKAGES.items() if importlib.util.find_spec(each.module.split(".")[0]))
    models = tuple(chosen.model or (smallest, largest))
    return ImageJob(models, backends, chosen.rounds, chosen.seconds, chosen.json)


def open_engine(engine: str, model: Path, images: Images, streams: int) -> Opened:
    """Open an engine for a model, and the images that it takes."""
    backend, grid = registry.make(engine), Grid((), (1,), streams)
    description = backend.open(Request(model, images.folder, grid))
    samples = ImagenetSamples(images.of_side(input_side(model)))
    details = dict(description.details)
    samples.adapt(details)
    return Opened(backend, grid, details, samples, model, engine)


class Images:
    """The sample's images, preprocessed once for each size."""

    def __init__(self) -> None:
        self.folder = work_folder()
        write_images(self.folder / "photographs", images=_IMAGES)

    def of_side(self, side: int) -> Path:
        """Give the folder of images of side x side pixels."""
        out, photographs = self.folder / f"side-{side}", self.folder / "photographs"
        recipe = find_recipe(PUBLISHED, MOBILENET, side)
        workers = len(os.sched_getaffinity(0))
        wanted = ImageFolder(photographs, photographs, None, recipe, out, self.folder / f".side-{side}", workers)
        preprocess(wanted, lambda _done, _total: None)
        return out
