"""Accuracy and speed of TFLite files on the sample's images."""

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

# Where an interpreter may be: all have the same interface.
INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")
TIMING_ROUNDS = 15
CALLS_A_ROUND = 20
_NS_PER_US = 1000


def interpreter_class() -> Any:
    """Return the class of the first interpreter that is installed.

    Raises:
        ModuleNotFoundError: there is none.
    """
    for name in INTERPRETERS:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            return importlib.import_module(name).Interpreter
    raise ModuleNotFoundError(f"none of {', '.join(INTERPRETERS)} is installed")


class Classifier:
    """One TFLite file, opened with one thread."""

    def __init__(self, path: Path) -> None:
        self._interpreter = interpreter_class()(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self.input = self._interpreter.get_input_details()[0]
        self.output = self._interpreter.get_output_details()[0]
        self.resolution = int(self.input["shape"][1])

    def set_image(self, pixels: NDArray[np.uint8]) -> None:
        """Set the input: (resolution, resolution, 3), from 0 to 255."""
        given = pixels if self.input["dtype"] is np.uint8 else scaled(pixels)
        self._interpreter.set_tensor(self.input["index"], given[None])

    def run(self) -> None:
        """Run the network on the input that is set."""
        self._interpreter.invoke()

    def label(self) -> int:
        """Return the class that the last run found the most probable."""
        return int(self._interpreter.get_tensor(self.output["index"])[0].argmax())

    def classify(self, pixels: NDArray[np.uint8]) -> int:
        """Return the class of one image: (resolution, resolution, 3), from 0 to 255."""
        self.set_image(pixels)
        self.run()
        return self.label()


def accuracy_percent(classifier: Classifier, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return the share of images whose class is found, in percent.

    Args:
        classifier: the open file.
        pixels: (count, resolution, resolution, 3), at the file's resolution.
        labels: (count,).
    """
    found = [classifier.classify(each) for each in pixels]
    return float(np.mean(np.array(found) == labels)) * 100


def latencies_us(classifiers: Mapping[str, Classifier], pixels: Mapping[int, NDArray[np.uint8]]) -> dict[str, float]:
    """Measure one image after another, the files taking turns.

    Args:
        classifiers: by file name.
        pixels: by resolution; the first image is used.

    Returns:
        By file name, the median over the rounds of a round's fastest call, in microseconds.
    """
    for classifier in classifiers.values():
        classifier.classify(pixels[classifier.resolution][0])
    fastest: dict[str, list[int]] = {name: [] for name in classifiers}
    for _ in range(TIMING_ROUNDS):
        for name, classifier in classifiers.items():
            fastest[name].append(min(_call_ns(classifier) for _ in range(CALLS_A_ROUND)))
    return {name: statistics.median(times) / _NS_PER_US for name, times in fastest.items()}


def _call_ns(classifier: Classifier) -> int:
    began_ns = time.perf_counter_ns()
    classifier.run()
    return time.perf_counter_ns() - began_ns
