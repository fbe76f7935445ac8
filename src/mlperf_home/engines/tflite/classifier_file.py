"""What the file of an image classifier tells of its images and classes, before images are prepared for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.tflite.model_file import OPEN, check_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.engines.tflite.model_file import FileTensor

TYPES = ("float32", "uint8", "int8")
"""The types of a classifier's images and scores."""
WITH_BACKGROUND = 1001
"""The outputs of a classifier whose class 0 is the background."""
IMAGE_AXES = 4  # (batch, height, width, channels)
_CHANNELS = 3
_SINGLE = "use a classifier of single images"


@dataclass(frozen=True)
class ClassifierFacts:
    """The side in pixels of a classifier's square images; its classes without a background, None if unknown."""

    side: int
    classes: int | None


def read_classifier_file(path: Path) -> ClassifierFacts:
    """Read the facts.

    Raises:
        BackendError: the file is not a complete TFLite model, or the model is not a classifier of single square RGB
            images of a known size.
    """
    facts = check_file(path)
    problem = _image_problem(facts.inputs) or _scores_problem(facts.outputs)
    if problem:
        raise BackendError(f"model {path}: {problem}")
    scores = facts.outputs[0]
    known = scores.shape and OPEN not in scores.signature[-1:]
    classes = scores.shape[-1] - int(scores.shape[-1] == WITH_BACKGROUND) if known else None
    return ClassifierFacts(facts.inputs[0].shape[1], classes)


def _image_problem(inputs: Sequence[FileTensor]) -> str:
    """Return why a model's inputs are not one image, and what to do; "" if they are."""
    if len(inputs) != 1:
        return f"it has {len(inputs)} inputs, not one image; {_SINGLE}"
    shape, signature = inputs[0].shape, inputs[0].signature
    if len(shape) != IMAGE_AXES:
        return f"its input is {shape}, not one square image (1, side, side, channels); {_SINGLE}"
    batch, height, width, channels = shape
    problems = (
        (
            # Converters of old write 1 in place of an open size.
            OPEN in signature[1:] or height == width == 1,
            f"its input is {signature}: the file leaves the image's size open; convert the model with a fixed size",
        ),
        (
            height == _CHANNELS != channels and width == channels,
            f"its input is {shape}, with the channels first; convert the model with the channels last",
        ),
        (batch != 1, f"its input is {shape}, a batch of {batch} images; convert the model for one image"),
        (
            height != width or height < 1,
            f"its input is {shape}, not one square image (1, side, side, channels); {_SINGLE}",
        ),
        (channels != _CHANNELS, f"its input is {shape}, {channels} channels; use a classifier of RGB images, with 3"),
    )
    return next((problem for holds, problem in problems if holds), "") or _type_problem("input", inputs[0])


def _scores_problem(outputs: Sequence[FileTensor]) -> str:
    """Return why a model's outputs are not the scores of classes, and what to do; "" if they are."""
    shapes = [output.shape for output in outputs]
    # Only the engine knows the shape of an output without one in the file, or with an open one.
    known = len(outputs) == 1 and shapes[0] and OPEN not in outputs[0].signature
    if len(outputs) != 1 or (known and not 1 < shapes[0][-1] == math.prod(shapes[0])):
        shown = " and ".join(map(str, shapes)) or "none"
        return f"its outputs are {shown}, not one score for each class (1, classes); use an image classifier"
    return _type_problem("output", outputs[0])


def _type_problem(name: str, tensor: FileTensor) -> str:
    if tensor.dtype not in TYPES:
        return f"its {name} is {tensor.dtype}; convert the model with {' or '.join(TYPES)}"
    if tensor.dtype != "float32" and not tensor.scaled:
        return f"its {name} is {tensor.dtype} without a scale; convert the model with its quantisation"
    return ""
