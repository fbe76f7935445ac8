"""Write a question-answering BERT of a few kilobytes in ONNX for tests, with random weights and dynamic shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlperf_home.datasets.base import QUESTION_ANSWERING_INPUTS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VOCABULARY = 128
_POSITIONS = 384
_MASKED = -10000.0
_value = helper.make_tensor_value_info


@dataclass(frozen=True)
class TinyBert:
    """The properties of the model.

    Attributes:
        input_names: the names of token ids, mask and, optionally, token types, in the order of the graph.
        output_names: the names of start and end logits; a single name for one output (batch, length, 2).
        shape: (batch, length); names stand for dynamic axes.
        stale_shapes: record shapes of another batch and length, like onnxruntime's quantiser.
        dynamic_int8: multiply by int8 weights with scales computed at run time, like onnxruntime's quantiser.
        sparsity: the share of int8 weights that are zero, in blocks of four.
        layers: the number of layers.
        hidden: the width.
        inner: the width of the inner layer.
        heads: the attention heads.
        vocabulary: the number of token ids.
    """

    input_names: tuple[str, ...] = QUESTION_ANSWERING_INPUTS
    output_names: tuple[str, ...] = ("start_logits", "end_logits")
    shape: tuple[int | str, int | str] = ("batch", "length")
    stale_shapes: bool = False
    dynamic_int8: bool = False
    sparsity: float = 0.0
    layers: int = 1
    hidden: int = 32
    inner: int = 64
    heads: int = 2
    vocabulary: int = VOCABULARY


BERT_LARGE = TinyBert(layers=24, hidden=1024, inner=4096, heads=16, vocabulary=30522)
"""The shape of BERT-large."""


def write(path: Path, properties: TinyBert | None = None) -> Path:
    """Write the model to `path` and return it."""
    properties = properties or TinyBert()
    builder = _Builder(properties)
    logits = _network(builder, properties.input_names)
    joined = len(properties.output_names) == 1
    for place, name in enumerate(properties.output_names):
        if not joined:
            builder.add("Gather", logits, builder.constant(np.array(place, np.int64)), axis=2)
        builder.nodes[-1].output[0] = name
    shape = (*properties.shape, 2) if joined else properties.shape
    outputs = [_value(name, TensorProto.FLOAT, shape) for name in properties.output_names]
    inputs = [_value(name, TensorProto.INT64, properties.shape) for name in properties.input_names]
    stale = []
    if properties.stale_shapes:  # for batch 1 and length 7, which no test uses
        first = next(node for node in builder.nodes if node.op_type == "Transpose")
        stale.append(
            _value(first.output[0], TensorProto.FLOAT, (1, properties.heads, 7, properties.hidden // properties.heads))
        )
    graph = helper.make_graph(builder.nodes, "tiny_bert", inputs, outputs, builder.weights, value_info=stale)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


class _Builder:
    """A collector of nodes and weights with generated names."""

    def __init__(self, properties: TinyBert) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.properties = properties
        self._random = np.random.default_rng(7)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def random(self, *shape: int) -> str:
        return self.constant(self._random.normal(0, 0.3, shape).astype(np.float32))

    def linear(self, value: str, rows: int, columns: int) -> str:
        if not self.properties.dynamic_int8:
            product = self.add("MatMul", value, self.random(rows, columns))
            return self.add("Add", product, self.random(columns))
        made = [f"quantised_{len(self.nodes)}_{part}" for part in ("value", "scale", "zero")]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [value], made))
        integers = self._random.integers(-100, 100, (rows, columns), dtype=np.int8)
        if sparsity := self.properties.sparsity:
            blocks = self._random.random((rows, (columns + 3) // 4)) < sparsity
            integers[np.repeat(blocks, 4, axis=1)[:, :columns]] = 0
        weights = self.constant(integers)
        product = self.add("MatMulInteger", made[0], weights, made[2], self.constant(np.zeros((), np.int8)))
        scale = self.add("Mul", made[1], self.constant(np.full((), 0.003, np.float32)))
        product = self.add("Mul", self.add("Cast", product, to=TensorProto.FLOAT), scale)
        return self.add("Add", product, self.random(columns))

    def normalise(self, value: str) -> str:
        """Add a layer normalisation in the form of exporters for opset 14."""
        centred = self.add("Sub", value, self.add("ReduceMean", value, axes=[-1]))
        square = self.add("Pow", centred, self.constant(np.array(2.0, np.float32)))
        variance = self.add("ReduceMean", square, axes=[-1])
        root = self.add("Sqrt", self.add("Add", variance, self.constant(np.array(1e-5, np.float32))))
        scaled = self.add(
            "Mul", self.add("Div", centred, root), self.constant(np.ones(self.properties.hidden, np.float32))
        )
        return self.add("Add", scaled, self.constant(np.zeros(self.properties.hidden, np.float32)))


def _network(builder: _Builder, names: tuple[str, ...]) -> str:
    """Add embeddings, one layer and the two logits of each token; return their name, (batch, length, 2)."""
    types = next((name for name in names if "type" in name or "segment" in name), None)
    ids = next(name for name in names if "ids" in name and name != types)
    mask = next((name for name in names if "mask" in name), ids)
    axis = builder.constant(np.array([0], np.int64))
    length = builder.add("Gather", builder.add("Shape", ids), builder.constant(np.array([1], np.int64)), axis=0)
    width, vocabulary = builder.properties.hidden, builder.properties.vocabulary
    positions = builder.add("Slice", builder.random(_POSITIONS, width), axis, length, axis)
    value = builder.add("Add", builder.add("Gather", builder.random(vocabulary, width), ids), positions)
    if types is not None:
        value = builder.add("Add", value, builder.add("Gather", builder.random(2, width), types))
    value = builder.normalise(value)
    floats = builder.add("Cast", mask, to=TensorProto.FLOAT)
    absent = builder.add("Sub", builder.constant(np.array(1.0, np.float32)), floats)
    axes = builder.constant(np.array([1, 2], np.int64))
    penalty = builder.add("Mul", absent, builder.constant(np.array(_MASKED, np.float32)))
    penalty = builder.add("Unsqueeze", penalty, axes)
    for _ in range(builder.properties.layers):
        attended = _attention(builder, value, penalty)
        value = builder.normalise(builder.add("Add", attended, value))
        inner = builder.add("Relu", builder.linear(value, width, builder.properties.inner))
        value = builder.normalise(builder.add("Add", builder.linear(inner, builder.properties.inner, width), value))
    return builder.add("MatMul", value, builder.random(width, 2))


def _attention(builder: _Builder, value: str, penalty: str) -> str:
    width, heads = builder.properties.hidden, builder.properties.heads
    split = builder.constant(np.array([0, 0, heads, width // heads], np.int64))
    parts = [builder.add("Reshape", builder.linear(value, width, width), split) for _ in range(3)]
    queries, values = (builder.add("Transpose", part, perm=[0, 2, 1, 3]) for part in parts[::2])
    keys = builder.add("Transpose", parts[1], perm=[0, 2, 3, 1])
    scale = builder.constant(np.array(np.sqrt(width / heads), np.float32))
    scores = builder.add("Add", builder.add("Div", builder.add("MatMul", queries, keys), scale), penalty)
    context = builder.add("MatMul", builder.add("Softmax", scores, axis=-1), values)
    merged = builder.add("Transpose", context, perm=[0, 2, 1, 3])
    joined = builder.add("Reshape", merged, builder.constant(np.array([0, 0, width], np.int64)))
    return builder.linear(joined, width, width)
