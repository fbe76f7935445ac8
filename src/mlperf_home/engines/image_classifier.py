"""The image and the classes of a classifier whose engine tells the names, shapes and types of its inputs and outputs.

The channels come first (NCHW, as in most ONNX files) or last (NHWC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import fill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs

WITH_BACKGROUND = 1001
"""The outputs of a classifier whose class 0 is the background."""
_AXES = 4
_CHANNELS = 3
_TYPES = ("float32", "uint8", "int8")
_CLASS_TYPES = ("int32", "int64")
_USE = "use a classifier of single RGB images of a fixed size"


@dataclass(frozen=True)
class TensorFacts:
    """An input or output: its name, its dimensions (None where they are open), and its type as NumPy names it."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class ImageClassifier:
    """The input and the output of a classifier.

    Attributes:
        image: the dimensions of one image, (3, side, side) or (side, side, 3).
        dtype: the type of images.
        batch: the batch that the model was exported for; None if it is open.
        position: the position of the output that is read.
        background: the number of classes before the dataset's first, 0 or 1.
        classes: the number of the dataset's classes; None if the output holds classes instead of scores.
    """

    image: tuple[int, ...]
    dtype: str
    batch: int | None
    position: int
    background: int
    classes: int | None

    @property
    def details(self) -> dict[str, Any]:
        """The description for the session; the dataset makes images for it."""
        layout = "NCHW" if self.image[0] == _CHANNELS else "NHWC"
        described = {"shape": [1, *self.image], "dtype": self.dtype, "scale": 0.0, "zero_point": 0, "layout": layout}
        known = {} if self.classes is None else {"classes": self.classes}
        return {"input": described, "background": self.background, **known}

    def images(self, inputs: Inputs, largest: int, *, full: bool) -> tuple[NDArray[Any], int]:
        """Return a batch of images in the model's form, with the number of images; `full`: fill it up to `largest`.

        Raises:
            BackendError: the inputs are not one such array of at most `largest` images.
        """
        if len(inputs) != 1 or inputs[0].shape[1:] != self.image or not len(inputs[0]):
            shapes = ", ".join(str(array.shape) for array in inputs) or "none"
            row = ", ".join(map(str, self.image))
            raise BackendError(f"got input arrays of shapes {shapes}; pass one of shape (batch, {row})")
        array, count = inputs[0], len(inputs[0])
        if count > largest:
            raise BackendError(f"got a batch of {count} images; the engine is prepared for 1 to {largest}")
        if array.dtype != np.dtype(self.dtype):
            raise BackendError(f"got images of type {array.dtype}; convert them to {self.dtype}")
        return np.ascontiguousarray(fill(array, largest) if full else array), count

    def answers(self, output: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Return the class of each of `count` images, 0 for the dataset's first; of equal scores the first."""
        if self.classes is None:
            return np.asarray(output.reshape(-1)[:count] - self.background, dtype=np.float32)
        scores = output.reshape(len(output), -1)[:count, self.background :]
        return np.asarray(scores.argmax(axis=1), dtype=np.float32)


def read_image_classifier(
    inputs: Sequence[TensorFacts],
    outputs: Sequence[TensorFacts],
    path: Path,
    *,
    background: bool | None = None,
) -> ImageClassifier:
    """Find the image, and the scores or else the classes; `path` names the model in errors.

    `background` tells whether class 0 of a model is the background, if its outputs do not.

    Raises:
        BackendError: the model is not such a classifier.
    """
    if len(inputs) != 1 or len(inputs[0].shape) != _AXES:
        shown = ", ".join(f"{each.name} {_shown(each.shape)}" for each in inputs) or "none"
        raise BackendError(f"model {path}: its inputs are {shown}, not one image; {_USE}")
    batch, *rest = inputs[0].shape
    image = tuple(size for size in rest if size is not None)
    if len(image) != len(rest) or not _is_square(image):
        raise BackendError(f"model {path}: its input is {_shown(inputs[0].shape)}, not one square RGB image; {_USE}")
    if inputs[0].dtype not in _TYPES:
        raise BackendError(f"model {path}: its input is {inputs[0].dtype}; export it with {', '.join(_TYPES)}")
    position, classes = _find_output(outputs, path)
    if classes is None and background is None:
        problem = (
            f"its output {outputs[position].name} holds classes, and does not tell whether the first is a background"
        )
        raise BackendError(f"model {path}: {problem}; add the option background, true or false")
    first = int(background if background is not None else classes == WITH_BACKGROUND)
    known = None if classes is None else classes - first
    return ImageClassifier(image, inputs[0].dtype, batch, position, first, known)


def _is_square(image: tuple[int, ...]) -> bool:
    first, middle, last = image
    return (first == _CHANNELS and middle == last) or (last == _CHANNELS and first == middle)


def _find_output(outputs: Sequence[TensorFacts], path: Path) -> tuple[int, int | None]:
    """Return the position of the scores with the number of classes, or else that of the classes with None."""
    for position, output in enumerate(outputs):
        sizes = [size for size in output.shape[1:] if size != 1]
        if len(sizes) == 1 and sizes[0] is not None and output.dtype not in _CLASS_TYPES:
            return position, sizes[0]
    for position, output in enumerate(outputs):
        if output.dtype in _CLASS_TYPES and all(size == 1 for size in output.shape[1:]):
            return position, None
    shown = ", ".join(f"{each.name} {_shown(each.shape)}" for each in outputs) or "none"
    raise BackendError(f"model {path}: its outputs are {shown}, not one score for each class; {_USE}")


def _shown(shape: Sequence[int | None]) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"
