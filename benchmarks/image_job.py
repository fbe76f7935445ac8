"""The common part of the image classifiers' benchmarks: command line, the sample's images, and open engines."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from work_folder import work_folder

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.datasets.imagenet.preprocessing import ImageFolder, preprocess
from mlperf_home.datasets.imagenet.recipes import MOBILENET, PUBLISHED, find_recipe
from mlperf_home.datasets.imagenet.samples import ImagenetSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import EngineSetup
from mlperf_home.engines.calibration.calibrate import calibrate
from mlperf_home.engines.calibration.shapes import thread_contest
from mlperf_home.engines.engine import usable_cores
from mlperf_home.engines.tflite import library as tflite_library
from mlperf_home.engines.tflite.classifier_file import read_classifier_file
from mlperf_home.engines.tflite.library import LITERT, TFLITE, Choices
from mlperf_home.samples.images.image_files import write_images
from mlperf_home.samples.mobilenet import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.engines.base import Backend

PACKAGES = {"litert": LITERT, "tflite": TFLITE}
_IMAGES = 128
_CALIBRATION_S = 5.0


@dataclass(frozen=True)
class ImageJob:
    """The options of the command line.

    Attributes:
        models: the TFLite files.
        backends: the installed engines.
        rounds: the number of rounds that count.
        seconds: the approximate duration of each way in each round.
        json_path: the file for the figures, or None.
    """

    models: tuple[Path, ...]
    backends: tuple[str, ...]
    rounds: int
    seconds: float
    json_path: Path | None


@dataclass(frozen=True)
class OpenEngine:
    """An open engine, its grid, its details, and images adapted to its model."""

    backend: Backend
    grid: Grid
    details: dict[str, Any]
    samples: ImagenetSamples
    model: Path
    engine: str

    def bare_calls(self) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return two functions that call a separate interpreter, configured like the engine's.

        The first is its bare `invoke()`. The second also sets the next image before and reads the scores after it.
        """
        library, _ = tflite_library.load(PACKAGES[self.engine])
        choices = Choices(int(self.details["threads_per_stream"]), xnnpack=True, delegate=None)
        interpreter = tflite_library.make_interpreter(library, self.model, choices)
        count = self.samples.performance_count
        self.samples.load(range(count))
        images = itertools.cycle([self.samples.batch(np.array([index]), None)[0] for index in range(count)])
        input_index = interpreter.get_input_details()[0]["index"]
        output_index = interpreter.get_output_details()[0]["index"]
        invoke, set_tensor, get_tensor = interpreter.invoke, interpreter.set_tensor, interpreter.get_tensor

        def infer_image() -> object:
            set_tensor(input_index, next(images))
            invoke()
            return get_tensor(output_index)

        infer_image()
        return invoke, infer_image


def read_job(description: str, arguments: Sequence[str] | None = None, *, rounds: int = 7) -> ImageJob:
    """Parse the command line."""
    smallest, largest = MODELS["mobilenet_0.25_64_int8"], MODELS["mobilenet_0.50_96_float"]
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", type=Path, action="append", help="a TFLite classifier; repeatable")
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds that count")
    parser.add_argument("--seconds", type=float, default=1.5, help="approximate duration of each way in a round")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    packages = {name: package.module.split(".")[0] for name, package in PACKAGES.items()}
    backends = tuple(name for name, package in packages.items() if importlib.util.find_spec(package))
    models = tuple(options.model or (smallest, largest))
    return ImageJob(models, backends, options.rounds, options.seconds, options.json)


def open_engine(engine: str, model: Path, images: Images, streams: int) -> OpenEngine:
    """Open an engine for a model, with images of the model's size."""
    backend, grid = registry.make(engine), Grid((), (1,), streams)
    setup = EngineSetup(model, images.folder, grid)
    cores = usable_cores()
    if streams == 1 and cores > 1:
        calibration = calibrate(lambda: registry.make(engine), setup, thread_contest(cores), budget_s=_CALIBRATION_S)
        setup = replace(setup, options={"threads": calibration.threads})
    description = backend.open(setup)
    samples = ImagenetSamples(images.of_side(read_classifier_file(model).side))
    details = dict(description.details)
    samples.adapt(details)
    return OpenEngine(backend, grid, details, samples, model, engine)


class Images:
    """The sample's images, preprocessed once for each size."""

    def __init__(self) -> None:
        self.folder = work_folder()
        write_images(self.folder / "photographs", images=_IMAGES)

    def of_side(self, side: int) -> Path:
        """Return the folder of images of side x side pixels, preprocessed on the first call."""
        out, photographs = self.folder / f"side-{side}", self.folder / "photographs"
        recipe = find_recipe(PUBLISHED, MOBILENET, side)
        workers = len(os.sched_getaffinity(0))
        request = ImageFolder(photographs, photographs, None, recipe, out, self.folder / f".side-{side}", workers)
        preprocess(request, lambda _done, _total: None)
        return out
