"""The inputs and outputs of an ONNX model for question answering: names, positions, types."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line
from mlperf_home.engines.onnx.model_file import external_files
from mlperf_home.engines.onnx.outputs import AnswerOutputs, Output, find_outputs
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs

# The names of each input in exported models and MLPerf's own, by the position in `Inputs`.
_INPUT_NAMES = (("input_ids",), ("attention_mask", "input_mask"), ("token_type_ids", "segment_ids"))
_INTEGERS = frozenset({onnx.TensorProto.INT32, onnx.TensorProto.INT64})
# Token ids lose their value in smaller types; a mask and token types are 0 or 1.
_TOKEN_TYPES = _INTEGERS | {onnx.TensorProto.FLOAT}
_TYPES = _TOKEN_TYPES | {onnx.TensorProto.BOOL, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
_RUN_TIME_INT8 = frozenset({"MatMulInteger", "ConvInteger", "DynamicQuantizeLinear"})
_OPTIONAL_INPUT = 2  # models like DistilBERT have no token types
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelInput:
    """An input of a graph.

    Attributes:
        name: its name in the graph.
        position: its position in `Inputs`.
        dtype: its type.
        dims: the exported batch size and length; None where they are dynamic.
    """

    name: str
    position: int
    dtype: np.dtype[Any]
    dims: tuple[int | None, int | None]


@dataclass(frozen=True)
class GraphSignature:
    """The inputs and outputs of a graph for question answering.

    Attributes:
        inputs: the inputs, in the graph's order.
        outputs: the start and the end logits.
    """

    inputs: tuple[ModelInput, ...]
    outputs: AnswerOutputs

    def arrange(self, inputs: Inputs) -> list[NDArray[Any]]:
        """Return contiguous arrays in the graph's order and types; arrays that fit already are not copied."""
        return [np.ascontiguousarray(inputs[value.position], dtype=value.dtype) for value in self.inputs]

    def logits(self, outputs: Sequence[NDArray[Any]], count: int) -> NDArray[np.float32]:
        """Join the graph's outputs to (count, length, 2), without the rows that fill the batch."""
        positions = self.outputs.positions
        first = outputs[positions[0]]
        if len(positions) == 1:
            turned = first[:count, :, ::-1] if self.outputs.end_first else first[:count]
            return np.array(turned, dtype=np.float32, order="C")
        joined = np.empty((count, first.shape[1], 2), dtype=np.float32)
        for place, position in enumerate(positions):
            joined[:, :, place] = outputs[position][:count]
        return joined

    def check_outputs(self, outputs: Sequence[NDArray[Any]], batch: int, length: int, path: Path) -> None:
        """Check the shapes of the outputs of one run, which a graph may leave open.

        Raises:
            BackendError: they are not those of logits for each token.
        """
        positions = self.outputs.positions
        expected = (batch, length, 2) if len(positions) == 1 else (batch, length)
        for name, position in zip(self.outputs.names, positions, strict=True):
            if (shape := tuple(np.shape(outputs[position]))) != expected:
                problem = f"its output {name} has shape {shape} for batch {batch} and length {length}, not {expected}"
                raise BackendError(f"model {path}: {problem}; use a BERT model for question answering")

    @property
    def fixed_shape(self) -> tuple[int | None, int | None]:
        """The exported batch size and length; None where they are dynamic in all inputs."""
        batches, lengths = zip(*(value.dims for value in self.inputs), strict=True)
        return next(filter(None, batches), None), next(filter(None, lengths), None)


def load(path: Path) -> onnx.ModelProto:
    """Read the graph of an .onnx file, without weights in external files.

    Raises:
        BackendError: the file is absent, unreadable, or not an ONNX model.
    """

    def damaged(reason: str) -> BackendError:
        return BackendError(f"model {path}: is not a complete ONNX file ({reason}); download or export it again")

    try:
        with parsing(damaged):
            model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error
    if not model.graph.node or not model.graph.output:
        raise BackendError(f"model {path}: has no graph; download or export it again")
    return model


def run_time_int8(model: onnx.ModelProto) -> str | None:
    """Return an operator of a model whose int8 products have scales that are computed at run time; None without one."""
    return next((node.op_type for node in model.graph.node if node.op_type in _RUN_TIME_INT8), None)


def load_weights(model: onnx.ModelProto, path: Path) -> None:
    """Load a model's weights from their external files.

    Raises:
        BackendError: a file is absent or too short.
    """
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # OSError, ValueError or onnx's own error, depending on its version
        problem = f"model {path}: its weights cannot be read ({first_line(error)}); download or export it again"
        raise BackendError(problem) from error


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a model's file together with its external weight files.

    Raises:
        BackendError: a file is absent or unreadable.
    """
    digest = hashlib.sha256()
    try:
        for file in (path, *(path.parent / name for name in external_files(path))):
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
    except OSError as error:
        problem = f"model {path}: cannot read {file} ({error.strerror}); download or export it again"
        raise BackendError(problem) from error
    return digest.hexdigest()


def read_signature(model: onnx.ModelProto, path: Path, outputs: str | None = None) -> GraphSignature:
    """Find the inputs and outputs of a model for question answering; `path` names it in errors.

    `outputs` is the option of this name, see `mlperf_home.engines.onnx.outputs`.

    Raises:
        BackendError: the model has other inputs or outputs, or its outputs' names do not tell start from end.
    """
    # Before IR version 4, weights are also listed as inputs.
    weights = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in weights]
    # TensorFlow's exporter appends ":0" to names.
    plain = [value.name.removesuffix(":0") for value in values]
    placed = [place for name in plain for place, names in enumerate(_INPUT_NAMES) if name in names]
    required = set(range(len(_INPUT_NAMES))) - {_OPTIONAL_INPUT}
    if len(placed) != len(values) or len(set(placed)) != len(placed) or not required <= set(placed):
        has = ", ".join(value.name for value in values) or "none"
        needed = ", ".join(" or ".join(names) for names in _INPUT_NAMES)
        raise BackendError(
            f"model {path}: its inputs are {has}; use a BERT model for question answering, with {needed} "
            "(the last may be absent)"
        )
    inputs = tuple(_model_input(value, place, path) for value, place in zip(values, placed, strict=True))
    for axis, name in enumerate(("batch sizes", "lengths")):
        sizes = sorted({size for value in inputs if (size := value.dims[axis]) is not None})
        if len(sizes) > 1:
            problem = f"its inputs have different {name} ({', '.join(map(str, sizes))})"
            raise BackendError(f"model {path}: {problem}; export it with dynamic axes")
    return GraphSignature(inputs, find_outputs([_output(value) for value in model.graph.output], outputs, path))


def dimensions(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    """Return the dimensions of a value; None where they are dynamic."""
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in dims)


def _model_input(value: onnx.ValueInfoProto, position: int, path: Path) -> ModelInput:
    dims = dimensions(value)
    if len(dims) != 2:  # noqa: PLR2004 - batch and length
        problem = f"model {path}: input {value.name} has {len(dims)} dimensions, not (batch, length)"
        raise BackendError(f"{problem}; use a BERT model for question answering")
    element = value.type.tensor_type.elem_type
    types = _TOKEN_TYPES if position == 0 else _TYPES
    if element not in types:
        name = onnx.TensorProto.DataType.Name(element) if element in onnx.TensorProto.DataType.values() else element
        known = " or ".join(onnx.TensorProto.DataType.Name(each).lower() for each in sorted(_TOKEN_TYPES))
        problem = f"input {value.name} has type {str(name).lower()}"
        raise BackendError(f"model {path}: {problem}; export it with {known}")
    return ModelInput(value.name, position, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)), (dims[0], dims[1]))


def _output(value: onnx.ValueInfoProto) -> Output:
    return Output(value.name, dimensions(value) if value.type.tensor_type.HasField("shape") else None)
