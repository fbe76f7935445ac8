"""The inputs and outputs of an ONNX model for question answering: names, positions, types."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs

# The names of each input in exported models and MLPerf's own, by the position in `Inputs`.
_INPUT_NAMES = (("input_ids",), ("attention_mask", "input_mask"), ("token_type_ids", "segment_ids"))
_OPTIONAL_INPUT = 2  # models like DistilBERT have no token types
_OUTPUT_NAMES = (("start_logits", "end_logits"), ("output_start_logits", "output_end_logits"))
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
        outputs: the names of the start and end logits, (batch, length) each, or of one output, (batch, length, 2).
        output_positions: the positions of these outputs in the graph.
    """

    inputs: tuple[ModelInput, ...]
    outputs: tuple[str, ...]
    output_positions: tuple[int, ...]

    def arrange(self, inputs: Inputs) -> list[NDArray[Any]]:
        """Return contiguous arrays in the graph's order and types; arrays that fit already are not copied."""
        return [np.ascontiguousarray(inputs[value.position], dtype=value.dtype) for value in self.inputs]

    def logits(self, outputs: Sequence[NDArray[Any]], count: int) -> NDArray[np.float32]:
        """Join the graph's outputs to (count, length, 2), without the rows that fill the batch."""
        first = outputs[self.output_positions[0]]
        if len(self.outputs) == 1:
            return np.array(first[:count], dtype=np.float32)
        joined = np.empty((count, first.shape[1], 2), dtype=np.float32)
        for place, position in enumerate(self.output_positions):
            joined[:, :, place] = outputs[position][:count]
        return joined

    @property
    def fixed_shape(self) -> tuple[int | None, int | None]:
        """The exported batch size and length; None where they are dynamic."""
        return self.inputs[0].dims


def load(path: Path) -> onnx.ModelProto:
    """Read the graph of an .onnx file, without weights in external files.

    Raises:
        BackendError: the file is absent, unreadable, or not an ONNX model.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error
    except Exception as error:  # protobuf's and onnx's own errors share no other base
        raise BackendError(
            f"model {path}: is not a complete ONNX file ({first_line(error)}); download or export it again"
        ) from error
    if not model.graph.node or not model.graph.output:
        raise BackendError(f"model {path}: has no graph; download or export it again")
    return model


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


def content_hash(model: onnx.ModelProto, path: Path) -> str:
    """Return the SHA-256 of a loaded model's file together with its external weight files.

    Raises:
        BackendError: a file is absent or unreadable.
    """
    tensors = [tensor for tensor in model.graph.initializer if uses_external_data(tensor)]
    others = sorted({ExternalDataInfo(tensor).location for tensor in tensors})
    digest = hashlib.sha256()
    try:
        for file in (path, *(path.parent / name for name in others)):
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
    except OSError as error:
        problem = f"model {path}: cannot read {file} ({error.strerror}); download or export it again"
        raise BackendError(problem) from error
    return digest.hexdigest()


def read_signature(model: onnx.ModelProto, path: Path) -> GraphSignature:
    """Find the inputs and outputs of a model for question answering; `path` names it in errors.

    Raises:
        BackendError: the model has other inputs or outputs.
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
    return GraphSignature(inputs, *_outputs(model.graph.output, path))


def dimensions(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    """Return the dimensions of a value; None where they are dynamic."""
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in dims)


def _model_input(value: onnx.ValueInfoProto, position: int, path: Path) -> ModelInput:
    dims = dimensions(value)
    if len(dims) != 2:  # noqa: PLR2004 - batch and length
        problem = f"model {path}: input {value.name} has {len(dims)} dimensions, not (batch, length)"
        raise BackendError(f"{problem}; use a BERT model for question answering")
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    return ModelInput(value.name, position, dtype, (dims[0], dims[1]))


def _outputs(values: Sequence[onnx.ValueInfoProto], path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the names and the positions of the logits among the graph's outputs."""
    names = [value.name for value in values]
    plain = [name.removesuffix(":0") for name in names]
    for pair in _OUTPUT_NAMES:
        if set(pair) <= set(plain):
            positions = tuple(plain.index(name) for name in pair)
            return tuple(names[position] for position in positions), positions
    ranks = [len(dimensions(value)) for value in values]
    if ranks[:2] == [2, 2]:
        return tuple(names[:2]), (0, 1)
    if ranks == [3] and dimensions(values[0])[2] in {2, None}:
        return (names[0],), (0,)
    raise BackendError(
        f"model {path}: its outputs are {', '.join(names)}; use a BERT model for question answering, with "
        "start_logits and end_logits, each (batch, length), or one output (batch, length, 2)"
    )
