"""The input and output of an image classifier, and its inferences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line
from mlperf_home.engines.tflite.classifier_file import IMAGE_AXES, TYPES, WITH_BACKGROUND
from mlperf_home.engines.tflite.model_file import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from queue import SimpleQueue

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, Prepared

_ENGINE_CHANNELS = (1, 3)


@dataclass(frozen=True)
class Tensor:
    """An input or output of a classifier.

    Attributes:
        index: its index in the interpreter.
        shape: its dimensions, the batch first.
        dtype: "float32", "uint8" or "int8".
        scale: the scale of the quantisation, 0.0 without one: a quantised value q means (q - zero_point) * scale.
        zero_point: the zero point of the quantisation.
    """

    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    def to_json(self) -> dict[str, Any]:
        """Return the tensor's description for the session; images are converted to its type."""
        return {"shape": list(self.shape), "dtype": self.dtype, "scale": self.scale, "zero_point": self.zero_point}


@dataclass(frozen=True)
class ClassifierSignature:
    """The input and output of an image classifier.

    Attributes:
        image: the input, (1, height, width, channels).
        scores: the output; its last axis has the classes.
        background: the number of classes before the dataset's first: 1 if the output has 1001 classes, otherwise 0.
    """

    image: Tensor
    scores: Tensor
    background: int

    @property
    def classes(self) -> int:
        """The number of the dataset's classes in the output."""
        return self.scores.shape[-1] - self.background

    def images(self, inputs: Inputs) -> NDArray[Any]:
        """Return a batch of images, (batch, height, width, channels), in the model's type; avoid copies.

        The input is one array of the model's type, or of float32 for a quantised model; then it is quantised here.

        Raises:
            BackendError: the inputs are not one array, or have another shape or type.
        """
        image = self.image
        if len(inputs) != 1 or inputs[0].shape[1:] != image.shape[1:] or not len(inputs[0]):
            shapes = ", ".join(str(array.shape) for array in inputs) or "none"
            row = ", ".join(map(str, image.shape[1:]))
            raise BackendError(f"got input arrays of shapes {shapes}; pass one of shape (batch, {row})")
        array = inputs[0]
        if array.dtype == np.float32 and image.scale:
            limits = np.iinfo(image.dtype)
            array = np.rint(array / np.float32(image.scale)) + image.zero_point
            array = np.clip(array, limits.min, limits.max).astype(image.dtype)
        if array.dtype != np.dtype(image.dtype):
            raise BackendError(f"got images of type {array.dtype}; convert them to {image.dtype}")
        return np.ascontiguousarray(array)


def read_classifier(
    inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]], path: Path
) -> ClassifierSignature:
    """Read the details of an interpreter's inputs and outputs (`get_input_details`); `path` names the model in errors.

    Raises:
        BackendError: the model is not an image classifier.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        raise _no_classifier(path, f"it has {len(inputs)} inputs and {len(outputs)} outputs, not one of each")
    image, scores = _tensor(inputs[0], path), _tensor(outputs[0], path)
    if OPEN in tuple(inputs[0].get("shape_signature", ()))[1:]:
        signature = tuple(map(int, inputs[0]["shape_signature"]))
        raise _no_classifier(path, f"its input is {signature}: the file leaves the image's size open")
    if len(image.shape) != IMAGE_AXES or image.shape[0] != 1 or image.shape[-1] not in _ENGINE_CHANNELS:
        raise _no_classifier(path, f"its input is {image.shape}, not one image (1, height, width, channels)")
    classes = scores.shape[-1] if scores.shape else 0
    if classes < 2 or int(np.prod(scores.shape)) != classes:  # noqa: PLR2004 - a classifier has several classes
        raise _no_classifier(path, f"its output is {scores.shape}, not one score for each class (1, classes)")
    return ClassifierSignature(image, scores, background=int(classes == WITH_BACKGROUND))


def _tensor(details: Mapping[str, Any], path: Path) -> Tensor:
    dtype = np.dtype(details["dtype"]).name
    if dtype not in TYPES:
        raise _no_classifier(path, f"{details['name']!r} is {dtype}, not {', '.join(TYPES)}")
    scale, zero_point = details["quantization"]
    if dtype == "float32":
        scale, zero_point = 0.0, 0
    elif scale <= 0:
        raise _no_classifier(path, f"{details['name']!r} is {dtype} without a scale")
    shape = tuple(int(size) for size in details["shape"])
    return Tensor(int(details["index"]), shape, dtype, float(scale), int(zero_point))


def _no_classifier(path: Path, reason: str) -> BackendError:
    return BackendError(f"model {path}: is not an image classifier: {reason}; use a classifier of single images")


class InterpreterCall:
    """An inference with one interpreter: from an image, (1, height, width, channels), to the scores.

    Attributes:
        parts: the bound methods set_tensor, invoke and get_tensor of the interpreter, and the indices of the image's
            and the scores' tensors.
    """

    def __init__(self, interpreter: Any, model: ClassifierSignature) -> None:
        self.parts: tuple[Any, Any, Any, int, int] = (
            interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor, model.image.index, model.scores.index
        )  # fmt: skip

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        """Infer one image; return a copy of the scores in the output's shape."""
        set_tensor, invoke, get_tensor, image, scores = self.parts
        set_tensor(image, array)
        invoke()
        copied: NDArray[Any] = get_tensor(scores)
        return copied


class ArrangedImages:
    """A prepared batch of images, (batch, height, width, channels), in the model's type.

    A call takes an idle interpreter from the queue `idle` and puts it back.
    """

    def __init__(
        self, images: NDArray[Any], idle: SimpleQueue[InterpreterCall], model: ClassifierSignature, engine: str
    ) -> None:
        self._rows = [images[row : row + 1] for row in range(len(images))]
        self._take, self._put_back = idle.get, idle.put
        self._background, self._engine = model.background, engine

    def __call__(self) -> Answer:
        """Infer the batch; raise `BackendError` if the engine fails."""
        call = self._take()
        try:
            scores = list(map(call, self._rows))
        except (ValueError, RuntimeError) as error:
            raise self._refused(error) from error
        finally:
            self._put_back(call)
        return partial(classes_of, scores, self._background)

    def for_interpreter(self, call: InterpreterCall) -> Prepared:
        """Return a prepared batch of one image for one interpreter without other callers.

        This code runs between any two inferences. For a model of 30 us, every tenth of a us counts, so that function
        calls are inlined.
        """
        (row,) = self._rows
        set_tensor, invoke, get_tensor, image, scores = call.parts
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
        return BackendError(f"{self._engine}: the model cannot be run ({first_line(error)}); use another model")


def classes_of(scores: Sequence[NDArray[Any]], background: int) -> NDArray[np.float32]:
    """Return the class with the highest score of each image, (batch,) float32; the first of equal ones.

    `scores` has one array for each image; the first `background` classes are ignored.
    """
    return np.array([image.reshape(-1)[background:].argmax() for image in scores], dtype=np.float32)
