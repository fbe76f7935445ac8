"""Build a BERT for question answering as an ONNX graph from arrays.

The operator patterns are those of torch's exporter at opset 13: LayerNorm and GELU in decomposed form, and the mask as
an additive -10000. Engines recognise and fuse them. A quantised linear layer is QuantizeLinear -> MatMulInteger -> Cast
-> Mul -> Add, because DeepSparse uses the sparsity of int8 weights only in this form, not with
QuantizeLinear/DequantizeLinear. Weights are symmetric int8, activations uint8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlperf_home.datasets.base import QUESTION_ANSWERING_INPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    # Weights by name; a linear layer's weight is (inputs, outputs), the transpose of torch's.
    Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class BertShape:
    """The size of a BERT.

    Attributes:
        vocab_size: entries of the vocabulary.
        layers: encoder layers.
        hidden: width of the hidden states.
        heads: attention heads; `hidden` is a multiple of it.
        intermediate: width of the feed-forward layer.
        positions: longest sequence, in tokens.
    """

    vocab_size: int
    layers: int
    hidden: int
    heads: int
    intermediate: int
    positions: int = 384

    @property
    def head_size(self) -> int:
        """The width of an attention head."""
        return self.hidden // self.heads

    def linears(self) -> dict[str, tuple[int, int]]:
        """Return the encoder's linear layers by name: (inputs, outputs)."""
        square = (self.hidden, self.hidden)
        sizes: dict[str, tuple[int, int]] = {}
        for layer in range(self.layers):
            prefix = f"layer.{layer}"
            sizes |= {f"{prefix}.attention.{name}": square for name in ("query", "key", "value", "output")}
            sizes[f"{prefix}.intermediate"] = (self.hidden, self.intermediate)
            sizes[f"{prefix}.output"] = (self.intermediate, self.hidden)
        return sizes


WEIGHT_LEVELS = 127
ACTIVATION_LEVELS = 255


@dataclass(frozen=True)
class QuantisedLinear:
    """An int8 linear layer and the uint8 scale of what it reads.

    Attributes:
        weight: (inputs, outputs) int8; real weight = weight * weight_scale.
        weight_scale: the weight's one scale.
        input_scale: real input = (level - input_zero_point) * input_scale.
        input_zero_point: the level of zero, 0 to 255.
    """

    weight: NDArray[np.int8]
    weight_scale: float
    input_scale: float
    input_zero_point: int


def quantise_linear(weight: NDArray[np.float32], low: float, high: float) -> QuantisedLinear:
    """Quantise a layer: `weight` per tensor, its input for the range from `low` to `high`.

    The range is widened to include zero, so that zero stays exact.
    """
    weight_scale = weight_step(weight)
    input_scale, zero_point = input_step(low, high)
    levels = np.clip(np.rint(weight / weight_scale), -WEIGHT_LEVELS, WEIGHT_LEVELS)
    return QuantisedLinear(levels.astype(np.int8), weight_scale, input_scale, zero_point)


def weight_step(weight: NDArray[np.float32]) -> float:
    """Return the scale that maps the largest weight to 127."""
    return max(float(np.abs(weight).max()), 1e-8) / WEIGHT_LEVELS


def input_step(low: float, high: float) -> tuple[float, int]:
    """Return scale and zero point of an activation between `low` and `high`."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-8) / ACTIVATION_LEVELS
    return scale, round(-low / scale)


OPSET = 13
# The version of the file format that ONNX 1.14 and all engines of 2023 read.
IR_VERSION = 8
MASK_PENALTY = -10000.0
LAYER_NORM_EPSILON = 1e-12
OUTPUT_NAMES = ("start_logits", "end_logits")


class _Graph:
    """A growing list of nodes and initialisers."""

    def __init__(self, *, half: bool) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: dict[str, onnx.TensorProto] = {}
        self.half = half

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node and return its output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.generic] | float) -> str:
        """Store an array, or a float as a float32 scalar, once under `name`."""
        array = np.asarray(value, dtype=np.float32) if isinstance(value, float) else value
        if name not in self.initialisers:
            self.initialisers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def weight(self, name: str, value: NDArray[np.float32]) -> str:
        """Store a large weight, in half precision before a Cast if the graph is `half`."""
        if not self.half:
            return self.constant(name, value)
        stored = self.constant(f"{name}.half", value.astype(np.float16))
        return self.add("Cast", [stored], name, to=TensorProto.FLOAT)


class BertGraph:
    """A builder of a BERT's graph.

    Args:
        shape: the BERT's size.
        weights: the weights by name, see `Weights`.
        quantised: int8 linear layers by name; the others stay in float32.
        half: store the large float weights as float16, each followed by a Cast.
    """

    def __init__(
        self,
        shape: BertShape,
        weights: Weights,
        quantised: Mapping[str, QuantisedLinear] | None = None,
        *,
        half: bool = True,
    ) -> None:
        self._shape = shape
        self._weights = weights
        self._quantised = dict(quantised or {})
        self._graph = _Graph(half=half)

    def build(self) -> onnx.ModelProto:
        """Return the checked model; batch and sequence are dynamic."""
        mask = self._mask()
        hidden = self._embeddings()
        for layer in range(self._shape.layers):
            hidden = self._layer(f"layer.{layer}", hidden, mask)
        self._outputs(hidden)
        dims: list[str | int] = ["batch", "sequence"]
        graph = helper.make_graph(
            self._graph.nodes,
            "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, dims) for name in QUESTION_ANSWERING_INPUTS],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name in OUTPUT_NAMES],
            list(self._graph.initialisers.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="mlperf-home")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model

    def _mask(self) -> str:
        add, constant = self._graph.add, self._graph.constant
        axes = constant("mask.axes", np.array([1, 2], dtype=np.int64))
        wide = add("Unsqueeze", ["attention_mask", axes], "mask.wide")
        real = add("Cast", [wide], "mask.float", to=TensorProto.FLOAT)
        padding = add("Sub", [constant("mask.one", 1.0), real], "mask.padding")
        return add("Mul", [padding, constant("mask.penalty", MASK_PENALTY)], "mask")

    def _embeddings(self) -> str:
        add, constant = self._graph.add, self._graph.constant
        table = {
            part: self._graph.weight(f"embeddings.{part}", self._weights[f"embeddings.{part}"])
            for part in ("word", "position", "token_type")
        }
        words = add("Gather", [table["word"], "input_ids"], "embeddings.words", axis=0)
        types = add("Gather", [table["token_type"], "token_type_ids"], "embeddings.types", axis=0)
        size = add("Shape", ["input_ids"], "embeddings.shape")
        # The index is a list of one: DeepSparse 1.8.0 folds a scalar and its Unsqueeze wrongly.
        index = constant("embeddings.index", np.array([1], dtype=np.int64))
        end = add("Gather", [size, index], "embeddings.length", axis=0)
        axes = constant("embeddings.axes", np.array([0], dtype=np.int64))
        start = constant("embeddings.start", np.array([0], dtype=np.int64))
        # (1, positions, hidden), cut to the sequence's length.
        stack = add("Unsqueeze", [table["position"], axes], "embeddings.position.stack")
        cut_axis = constant("embeddings.cut_axis", np.array([1], dtype=np.int64))
        places = add("Slice", [stack, start, end, cut_axis], "embeddings.places")
        total = add("Add", [words, types], "embeddings.sum")
        return self._layer_norm("embeddings.norm", add("Add", [total, places], "embeddings.total"))

    def _layer(self, prefix: str, hidden: str, mask: str) -> str:
        add = self._graph.add
        attention = f"{prefix}.attention"
        context = self._attention(attention, hidden, mask)
        output = self._linear(f"{attention}.output", context)
        hidden = self._layer_norm(f"{attention}.norm", add("Add", [output, hidden], f"{attention}.sum"))
        inner = self._gelu(f"{prefix}.gelu", self._linear(f"{prefix}.intermediate", hidden))
        output = self._linear(f"{prefix}.output", inner)
        return self._layer_norm(f"{prefix}.norm", add("Add", [output, hidden], f"{prefix}.sum"))

    def _attention(self, prefix: str, hidden: str, mask: str) -> str:
        add, constant = self._graph.add, self._graph.constant
        shape = self._shape
        split = constant("heads.split", np.array([0, 0, shape.heads, shape.head_size], dtype=np.int64))
        order = {"query": [0, 2, 1, 3], "key": [0, 2, 3, 1], "value": [0, 2, 1, 3]}
        heads = {}
        for name, permutation in order.items():
            flat = self._linear(f"{prefix}.{name}", hidden)
            parts = add("Reshape", [flat, split], f"{prefix}.{name}.heads")
            heads[name] = add("Transpose", [parts], f"{prefix}.{name}.turned", perm=permutation)
        scores = add("MatMul", [heads["query"], heads["key"]], f"{prefix}.scores")
        scale = constant("heads.scale", math.sqrt(shape.head_size))
        scaled = add("Div", [scores, scale], f"{prefix}.scaled")
        masked = add("Add", [scaled, mask], f"{prefix}.masked")
        chances = add("Softmax", [masked], f"{prefix}.chances", axis=-1)
        mixed = add("MatMul", [chances, heads["value"]], f"{prefix}.mixed")
        turned = add("Transpose", [mixed], f"{prefix}.mixed.turned", perm=[0, 2, 1, 3])
        join = constant("heads.join", np.array([0, 0, shape.hidden], dtype=np.int64))
        return add("Reshape", [turned, join], f"{prefix}.context")

    def _linear(self, name: str, source: str) -> str:
        graph = self._graph
        bias = graph.constant(f"{name}.bias", self._weights[f"{name}.bias"])
        layer = self._quantised.get(name)
        if layer is None:
            weight = graph.weight(f"{name}.weight", self._weights[f"{name}.weight"])
            return graph.add("Add", [graph.add("MatMul", [source, weight], f"{name}.product"), bias], name)
        # One QuantizeLinear serves all layers that read the same tensor.
        scale = graph.constant(f"{source}.scale", layer.input_scale)
        zero = graph.constant(f"{source}.zero_point", np.array(layer.input_zero_point, dtype=np.uint8))
        levels = f"{source}.quantised"
        if not any(levels in node.output for node in graph.nodes):
            graph.add("QuantizeLinear", [source, scale, zero], levels)
        weight = graph.constant(f"{name}.weight.int8", layer.weight)
        weight_zero = graph.constant("weight.zero_point", np.array(0, dtype=np.int8))
        product = graph.add("MatMulInteger", [levels, weight, zero, weight_zero], f"{name}.integer")
        real = graph.add("Cast", [product], f"{name}.cast", to=TensorProto.FLOAT)
        rescale = graph.constant(f"{name}.rescale", layer.input_scale * layer.weight_scale)
        return graph.add("Add", [graph.add("Mul", [real, rescale], f"{name}.product"), bias], name)

    def _layer_norm(self, name: str, source: str) -> str:
        add, constant = self._graph.add, self._graph.constant
        mean = add("ReduceMean", [source], f"{name}.mean", axes=[-1])
        centred = add("Sub", [source, mean], f"{name}.centred")
        square = add("Pow", [centred, constant("norm.two", 2.0)], f"{name}.square")
        variance = add("ReduceMean", [square], f"{name}.variance", axes=[-1])
        steady = add("Add", [variance, constant("norm.epsilon", LAYER_NORM_EPSILON)], f"{name}.steady")
        unit = add("Div", [centred, add("Sqrt", [steady], f"{name}.deviation")], f"{name}.unit")
        scaled = add("Mul", [unit, constant(f"{name}.weight", self._weights[f"{name}.weight"])], f"{name}.scaled")
        return add("Add", [scaled, constant(f"{name}.bias", self._weights[f"{name}.bias"])], name)

    def _gelu(self, name: str, source: str) -> str:
        add, constant = self._graph.add, self._graph.constant
        narrow = add("Div", [source, constant("gelu.root", math.sqrt(2.0))], f"{name}.narrow")
        rise = add("Add", [add("Erf", [narrow], f"{name}.erf"), constant("gelu.one", 1.0)], f"{name}.rise")
        product = add("Mul", [source, rise], f"{name}.product")
        return add("Mul", [product, constant("gelu.half", 0.5)], name)

    def _outputs(self, hidden: str) -> None:
        add, constant = self._graph.add, self._graph.constant
        weight = constant("answer.weight", self._weights["answer.weight"])
        bias = constant("answer.bias", self._weights["answer.bias"])
        logits = add("Add", [add("MatMul", [hidden, weight], "answer.product"), bias], "answer")
        # DeepSparse 1.8.0 refuses the graph without explicit sizes.
        sizes = constant("answer.sizes", np.array([1, 1], dtype=np.int64))
        names = ["answer.start", "answer.end"]
        self._graph.nodes.append(helper.make_node("Split", [logits, sizes], names, name="answer.split", axis=-1))
        axis = constant("answer.axis", np.array([2], dtype=np.int64))
        for half, output in zip(("answer.start", "answer.end"), OUTPUT_NAMES, strict=True):
            add("Squeeze", [half, axis], output)
