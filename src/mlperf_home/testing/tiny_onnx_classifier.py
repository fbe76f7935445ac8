"""Write a classifier of one linear layer in ONNX for tests, with random weights and MLPerf's names for ResNet-50."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

_OPSET = 11
_IR_VERSION = 6


@dataclass(frozen=True)
class TinyOnnxClassifier:
    """The properties of the classifier.

    Attributes:
        image: the dimensions of an image, the channels first or last.
        batch: the batch of the input; a name for an open one.
        classes: the number of scores.
        outputs: which outputs it has: "classes", "scores", or both in the reference's order.
        listed_weights: whether weights are listed as inputs too, as in files of old.
    """

    image: tuple[int, ...] = (3, 4, 4)
    batch: int | str = "batch"
    classes: int = 1001
    outputs: tuple[str, ...] = ("classes", "scores")
    listed_weights: bool = False


def write(path: Path, properties: TinyOnnxClassifier | None = None, seed: int = 0) -> Path:
    """Write a classifier to `path` and return it."""
    properties, random = properties or TinyOnnxClassifier(), np.random.default_rng(seed)
    weights = random.normal(size=(int(np.prod(properties.image)), properties.classes)).astype(np.float32)
    names = {"classes": "ArgMax:0", "scores": "softmax_tensor:0"}
    nodes = [
        helper.make_node("Flatten", ["input_tensor:0"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [names["scores"]], axis=1),
        helper.make_node("ArgMax", [names["scores"]], [names["classes"]], axis=1, keepdims=0),
    ]
    shapes = {"classes": (TensorProto.INT64, []), "scores": (TensorProto.FLOAT, [properties.classes])}
    inputs = [helper.make_tensor_value_info("input_tensor:0", TensorProto.FLOAT, [properties.batch, *properties.image])]
    if properties.listed_weights:
        inputs.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, list(weights.shape)))
    outputs = [
        helper.make_tensor_value_info(names[kind], shapes[kind][0], [properties.batch, *shapes[kind][1]])
        for kind in properties.outputs
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    path.write_bytes(model.SerializeToString())
    return path
