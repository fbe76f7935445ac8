"""Measure the accuracy and latency of TFLite files on the sample's images."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from sample_training.mobilenet.preparation import scaled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

# The modules with a TFLite interpreter, all with the same interface, in order of preference.
INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")
TIMING_ROUNDS = 15
CALLS_A_ROUND = 20
_NS_PER_US = 1000


def interpreter_class() -> Any:
    """Return the class of the first installed interpreter.

    Raises:
        ModuleNotFoundError: none is installed.
    """
    for name in INTERPRETERS:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            return importlib.import_module(name).Interpreter
    raise ModuleNotFoundError(f"none of {', '.join(INTERPRETERS)} is installed; install one")


class TfliteFile:
    """A TFLite classifier, opened with one thread."""

    def __init__(self, path: Path) -> None:
        self._interpreter = interpreter_class()(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self.input = self._interpreter.get_input_details()[0]
        self.output = self._interpreter.get_output_details()[0]
        self.resolution = int(self.input["shape"][1])

    def set_image(self, pixels: NDArray[np.uint8]) -> None:
        """Set the input to an image: (resolution, resolution, 3), from 0 to 255."""
        values = pixels if self.input["dtype"] is np.uint8 else scaled(pixels)
        self._interpreter.set_tensor(self.input["index"], values[None])

    def run(self) -> None:
        """Run the network on the current input."""
        self._interpreter.invoke()

    def label(self) -> int:
        """Return the most probable class of the last run."""
        return int(self._interpreter.get_tensor(self.output["index"])[0].argmax())

    def classify(self, pixels: NDArray[np.uint8]) -> int:
        """Return the class of an image: (resolution, resolution, 3), from 0 to 255."""
        self.set_image(pixels)
        self.run()
        return self.label()


def accuracy_percent(classifier: TfliteFile, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return the share of correctly classified images, in percent.

    Args:
        classifier: the open file.
        pixels: (count, resolution, resolution, 3) at the file's resolution.
        labels: (count,).
    """
    classes = [classifier.classify(image) for image in pixels]
    return float(np.mean(np.array(classes) == labels)) * 100


def latencies_us(classifiers: Mapping[str, TfliteFile], pixels: Mapping[int, NDArray[np.uint8]]) -> dict[str, float]:
    """Measure the latency of each file, one image at a time and the files in turn.

    Args:
        classifiers: the open files by name.
        pixels: the images by resolution, of which the first is used.

    Returns:
        The median over the rounds of each round's fastest call by file name, in microseconds.
    """
    for classifier in classifiers.values():
        classifier.classify(pixels[classifier.resolution][0])
    fastest: dict[str, list[int]] = {name: [] for name in classifiers}
    for _ in range(TIMING_ROUNDS):
        for name, classifier in classifiers.items():
            fastest[name].append(min(_call_ns(classifier) for _ in range(CALLS_A_ROUND)))
    return {name: statistics.median(times) / _NS_PER_US for name, times in fastest.items()}


def _call_ns(classifier: TfliteFile) -> int:
    began_ns = time.perf_counter_ns()
    classifier.run()
    return time.perf_counter_ns() - began_ns
