"""What the ONNX file of an image classifier tells of its images and classes, read without the package onnx."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx.model_file import fields, varint
from mlperf_home.engines.tflite.classifier_file import IMAGE_AXES, WITH_BACKGROUND, ClassifierFacts
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlperf_home.engines.onnx.model_file import Part

# Fields of onnx.proto by number.
_GRAPH = 7
_WEIGHTS, _INPUTS, _OUTPUTS = 5, 11, 12  # of a graph
_WEIGHT_NAME = 8
_NAME, _TYPE = 1, 2  # of a value
_TENSOR_TYPE = 1
_ELEMENT, _SHAPE = 1, 2
_DIMENSION = 1
_SIZE = 1
_TYPES = {1: "float32", 2: "uint8", 3: "int8"}
_INT32, _INT64 = 6, 7
_CHANNELS = 3
_USE = "use a classifier of single square RGB images of a fixed size"


@dataclass(frozen=True)
class _Value:
    """An input or output; its open dimensions are None."""

    name: str
    element: int
    shape: tuple[int | None, ...]

    @property
    def words(self) -> str:
        return f"({', '.join('?' if size is None else str(size) for size in self.shape)})"


def read_onnx_classifier(path: Path) -> ClassifierFacts:
    """Read the facts.

    Raises:
        BackendError: the file is not a complete ONNX model, or the model is not a classifier of single square RGB
            images of a known size.
    """

    def damaged(reason: str) -> BackendError:
        return BackendError(f"model {path}: is not a complete ONNX file ({reason}); download or export it again")

    try:
        if not path.stat().st_size:
            raise damaged("it is empty")
        with (
            path.open("rb") as file,
            parsing(damaged, BackendError),
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            inputs, outputs = _values(content)
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error
    if problem := _image_problem(inputs):
        raise BackendError(f"model {path}: {problem}; {_USE}")
    return ClassifierFacts(_side(inputs[0]), _classes(outputs))


def _image_problem(inputs: Sequence[_Value]) -> str:
    """Return why a model's inputs are not one image; "" if they are."""
    shown = ", ".join(f"{each.name} {each.words}" for each in inputs) or "none"
    if len(inputs) != 1 or len(inputs[0].shape) != IMAGE_AXES:
        return f"its inputs are {shown}, not one image"
    if not _side(inputs[0]):
        return f"its input is {shown}, not one square RGB image (batch, 3, side, side)"
    known = ", ".join(_TYPES.values())
    return "" if inputs[0].element in _TYPES else f"its input {inputs[0].name} has another type than {known}"


def _side(image: _Value) -> int:
    """Return the side of square RGB images, the channels first or last; 0 for others."""
    _, first, middle, last = image.shape
    if first == _CHANNELS and middle == last:
        return middle or 0
    return first or 0 if last == _CHANNELS and first == middle else 0


def _classes(outputs: Sequence[_Value]) -> int | None:
    """Return the number of classes without a background, from the first output with scores; None if it is unknown."""
    for output in outputs:
        sizes = [size for size in output.shape[1:] if size != 1]
        if output.element not in {_INT32, _INT64} and len(sizes) == 1 and sizes[0] is not None:
            return sizes[0] - int(sizes[0] == WITH_BACKGROUND)
    return None


def _values(content: mmap.mmap) -> tuple[list[_Value], list[_Value]]:
    """Return the inputs that are no weights, and the outputs."""
    graph = next(place for number, place in fields(content, (0, len(content))) if number == _GRAPH)
    weights: set[bytes] = set()
    values: dict[int, list[_Value]] = {_INPUTS: [], _OUTPUTS: []}
    for number, place in fields(content, graph):
        if number == _WEIGHTS:
            weights |= {content[slice(*text)] for key, text in fields(content, place) if key == _WEIGHT_NAME}
        elif number in values:
            values[number].append(_value(content, place))
    # Before IR version 4, weights are also listed as inputs.
    return [each for each in values[_INPUTS] if each.name.encode() not in weights], values[_OUTPUTS]


def _value(content: mmap.mmap, place: Part) -> _Value:
    name, element = "", 0
    shape: tuple[int | None, ...] = ()
    for number, part in fields(content, place):
        if number == _NAME:
            name = content[slice(*part)].decode()
        elif number == _TYPE:
            for tensor in _inside(content, part, _TENSOR_TYPE):
                element = next((varint(content, *each)[0] for each in _inside(content, tensor, _ELEMENT)), 0)
                shape = tuple(
                    next((varint(content, *size)[0] or None for size in _inside(content, dimension, _SIZE)), None)
                    for dimensions in _inside(content, tensor, _SHAPE)
                    for dimension in _inside(content, dimensions, _DIMENSION)
                )
    return _Value(name, element, shape)


def _inside(content: mmap.mmap, part: Part, wanted: int) -> Iterator[Part]:
    return (place for number, place in fields(content, part) if number == wanted)
