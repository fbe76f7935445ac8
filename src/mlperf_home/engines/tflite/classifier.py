"""Input and output of an image classifier, as its own file says, and one inference of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from queue import SimpleQueue

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, Prepared

_IMAGE_AXES = 4  # (batch, height, width, channels)
_CHANNELS = (1, 3)
_WITH_BACKGROUND = 1001
_TYPES = ("float32", "uint8", "int8")


@dataclass(frozen=True)
class Tensor:
    """An input or output of a classifier.

    Attributes:
        index: its number in the interpreter.
        shape: the batch first.
        dtype: "float32", "uint8" or "int8".
        scale: a quantised value q stands for (q - zero_point) * scale; 0.0 where it is not quantised.
    """

    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    def to_json(self) -> dict[str, Any]:
        """Return what a record keeps, and what the images have to be converted to."""
        return {"shape": list(self.shape), "dtype": self.dtype, "scale": self.scale, "zero_point": self.zero_point}


@dataclass(frozen=True)
class ClassifierSignature:
    """The one input and the one output of an image classifier.

    Attributes:
        image: the input, (1, height, width, channels).
        scores: the output, of which the last axis has the classes.
        background: classes before the dataset's first: 1 where the output has 1001, and 0 otherwise.
    """

    image: Tensor
    scores: Tensor
    background: int

    @property
    def classes(self) -> int:
        """How many of the output's classes are the dataset's."""
        return self.scores.shape[-1] - self.background

    def images(self, inputs: Inputs) -> NDArray[Any]:
        """Return a batch, one array (batch, height, width, channels), without a copy where the interpreter takes it so.

        It is of the model's own type, or, for a quantised model, float32 of the numbers that the values stand for,
        which are quantised here.

        Raises:
            BackendError: another number of arrays, another shape, or another type.
        """
        wanted = self.image
        if len(inputs) != 1 or inputs[0].shape[1:] != wanted.shape[1:] or not len(inputs[0]):
            shapes = ", ".join(str(array.shape) for array in inputs) or "none"
            row = ", ".join(map(str, wanted.shape[1:]))
            raise BackendError(f"input arrays of shapes {shapes}; the model takes one, (batch, {row})")
        array = inputs[0]
        if array.dtype == np.float32 and wanted.scale:
            limits = np.iinfo(wanted.dtype)
            array = np.rint(array / np.float32(wanted.scale)) + wanted.zero_point
            array = np.clip(array, limits.min, limits.max).astype(wanted.dtype)
        if array.dtype != np.dtype(wanted.dtype):
            raise BackendError(f"images of type {array.dtype}; the model takes {wanted.dtype}: convert them first")
        return np.ascontiguousarray(array)


def read_classifier(
    given: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]], path: Path
) -> ClassifierSignature:
    """Read an interpreter's details of its inputs and outputs (`get_input_details`); `path` is for messages.

    Raises:
        BackendError: this is no image classifier.
    """
    if len(given) != 1 or len(made) != 1:
        raise _no_classifier(path, f"it has {len(given)} inputs and {len(made)} outputs, not one of each")
    image, scores = _tensor(given[0], path), _tensor(made[0], path)
    if len(image.shape) != _IMAGE_AXES or image.shape[0] != 1 or image.shape[-1] not in _CHANNELS:
        raise _no_classifier(path, f"its input is {image.shape}, not one image (1, height, width, channels)")
    classes = scores.shape[-1] if scores.shape else 0
    if classes < 2 or int(np.prod(scores.shape)) != classes:  # noqa: PLR2004 - one class is no choice
        raise _no_classifier(path, f"its output is {scores.shape}, not one score for each class (1, classes)")
    return ClassifierSignature(image, scores, background=int(classes == _WITH_BACKGROUND))


def _tensor(details: Mapping[str, Any], path: Path) -> Tensor:
    dtype = np.dtype(details["dtype"]).name
    if dtype not in _TYPES:
        raise _no_classifier(path, f"{details['name']!r} is {dtype}, not {', '.join(_TYPES)}")
    scale, zero_point = details["quantization"]
    if dtype == "float32":
        scale, zero_point = 0.0, 0
    elif scale <= 0:
        raise _no_classifier(path, f"{details['name']!r} is {dtype} without a scale")
    shape = tuple(int(size) for size in details["shape"])
    return Tensor(int(details["index"]), shape, dtype, float(scale), int(zero_point))


def _no_classifier(path: Path, reason: str) -> BackendError:
    return BackendError(f"model {path}: is no image classifier, {reason}; give a classifier of single images")


class InterpreterCall:
    """One inference: called with an image, (1, height, width, channels), it returns the scores.

    Attributes:
        parts: the interpreter's methods that set a tensor, invoke and get a tensor, bound, and the numbers of the
            image's tensor and of the scores'; the copy of the scores has the output's shape.
    """

    def __init__(self, interpreter: Any, model: ClassifierSignature) -> None:
        self.parts: tuple[Any, Any, Any, int, int] = (
            interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor, model.image.index, model.scores.index
        )  # fmt: skip

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        """Infer one image."""
        set_tensor, invoke, get_tensor, image, scores = self.parts
        set_tensor(image, array)
        invoke()
        made: NDArray[Any] = get_tensor(scores)
        return made


class ArrangedImages:
    """One batch of images, (batch, height, width, channels), of the model's own type; called, it is inferred.

    It takes an inference of `idle`, which has one for each interpreter, and puts it back.
    """

    def __init__(
        self, images: NDArray[Any], idle: SimpleQueue[InterpreterCall], model: ClassifierSignature, engine: str
    ) -> None:
        self._rows = [images[row : row + 1] for row in range(len(images))]
        self._take, self._give_back = idle.get, idle.put
        self._background, self._engine = model.background, engine

    def __call__(self) -> Answer:
        """Infer the batch; raise `BackendError` if the engine refuses."""
        inference = self._take()
        try:
            scores = list(map(inference, self._rows))
        except (ValueError, RuntimeError) as error:
            raise self._refused(error) from error
        finally:
            self._give_back(inference)
        return partial(classes_of, scores, self._background)

    def with_only(self, inference: InterpreterCall) -> Prepared:
        """Return the same for a batch of one image and one interpreter, which nobody else calls.

        What Python does here is done between any two inferences, and with a model of 30 us each tenth of a us counts:
        so nothing is called that can be written out.
        """
        (row,) = self._rows
        set_tensor, invoke, get_tensor, image, scores = inference.parts
        background, refused = self._background, self._refused

        def infer() -> Answer:
            try:
                set_tensor(image, row)
                invoke()
                return partial(classes_of, (get_tensor(scores),), background)
            except (ValueError, RuntimeError) as error:
                raise refused(error) from error

        return infer

    def _refused(self, error: Exception) -> BackendError:
        return BackendError(f"{self._engine}: the model cannot be run ({first_line(error)})")


def classes_of(scores: Sequence[NDArray[Any]], background: int) -> NDArray[np.float32]:
    """Return the class with the highest score of each image, (batch,) float32; the first where two are equal.

    `scores` has an array for each image; `background` classes before the dataset's first are left out.
    """
    return np.array([each.reshape(-1)[background:].argmax() for each in scores], dtype=np.float32)
