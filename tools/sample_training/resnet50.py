"""Write the sample's stand-in for ResNet-50: `python -m sample_training.resnet50 --out DIR`.

It has the interface of MLPerf's reference in ONNX: planes of red, green and blue less the reference's means, the names
of input and outputs, and 1,001 classes with a background. Its weights are those of the sample's smallest MobileNet in
floats, so that nothing is trained here. Needs ai-edge-litert and onnx.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper, numpy_helper

from mlperf_home.datasets.imagenet.samples import RESNET50_MEANS
from mlperf_home.samples.mobilenet import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SOURCE = "mobilenet_0.25_64_float"
FILE = "sample-resnet50.onnx"
IMAGE, CLASSES, SCORES = "input_tensor:0", "ArgMax:0", "softmax_tensor:0"
_OUTPUTS = 1001
_ABSENT = -100.0  # the logit of the background and of classes that the sample does not have
_HALF = 127.5  # MobileNet's input is pixel / 127.5 - 1
_OPSET = 11


class _Graph:
    """Nodes and weights of a chain, each node reading the result of the one before."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.last = IMAGE

    def constant(self, array: NDArray[Any]) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *constants: NDArray[Any], result: str = "", **attributes: Any) -> None:
        inputs = [self.last, *map(self.constant, constants)]
        self.last = result or f"result_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.last], **attributes))


def make_model(source: Path) -> onnx.ModelProto:
    """Return the model with the weights of a MobileNet in TFLite and floats."""
    interpreter = Interpreter(str(source))
    side = int(interpreter.get_input_details()[0]["shape"][1])
    graph = _Graph()
    means = np.array(RESNET50_MEANS, dtype=np.float32).reshape(1, 3, 1, 1)
    graph.add("Add", means - np.float32(_HALF))
    graph.add("Mul", np.full((1, 1, 1, 1), 1 / _HALF, dtype=np.float32))
    for operation in interpreter._get_ops_details():  # noqa: SLF001 - the package has no public list of operations
        _convert(graph, interpreter, operation)
    image = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["batch", 3, side, side])
    outputs = [
        helper.make_tensor_value_info(CLASSES, TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["batch", _OUTPUTS]),
    ]
    made = helper.make_graph(graph.nodes, "sample-resnet50", [image], outputs, graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=6)
    onnx.checker.check_model(model, full_check=True)
    return model


def _convert(graph: _Graph, interpreter: Any, operation: dict[str, Any]) -> None:
    """Append one operation of the MobileNet; raise `ValueError` for an unknown one."""
    kind, parts = operation["op_name"], list(operation["inputs"])
    if kind in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
        weights, bias = (interpreter.get_tensor(part) for part in parts[1:])
        deep = kind == "DEPTHWISE_CONV_2D"
        weights = weights.transpose(3, 0, 1, 2) if deep else weights.transpose(0, 3, 1, 2)
        details = {each["index"]: each["shape"] for each in interpreter.get_tensor_details()}
        stride = int(details[parts[0]][1] // details[operation["outputs"][0]][1])
        graph.add(
            "Conv", weights, bias, auto_pad="SAME_UPPER", strides=[stride, stride], group=len(weights) if deep else 1
        )
        graph.add("Clip", np.array(0, dtype=np.float32), np.array(6, dtype=np.float32))
    elif kind == "MEAN":
        graph.add("GlobalAveragePool")
        graph.add("Flatten")
    elif kind == "FULLY_CONNECTED":
        weights, bias = (interpreter.get_tensor(part) for part in parts[1:])
        graph.add("Gemm", weights, bias, transB=1)
        pads = np.array([0, 1, 0, _OUTPUTS - 1 - len(bias)], dtype=np.int64)
        graph.add("Pad", pads, np.array(_ABSENT, dtype=np.float32))
    elif kind == "SOFTMAX":
        graph.add("Softmax", axis=1, result=SCORES)
        graph.add("ArgMax", axis=1, keepdims=0, result=CLASSES)
    else:
        raise ValueError(f"{SOURCE} has an operation {kind}, which this tool does not convert")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the model and sample.json; return the exit code."""
    parser = argparse.ArgumentParser(prog="sample_training.resnet50", description="Write the sample's stand-in.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    options = parser.parse_args(arguments)
    source, path = MODELS[SOURCE], options.out / FILE
    options.out.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_model(source).SerializeToString(deterministic=True))
    facts = {
        "sample": True,
        "note": "a small stand-in with the interface of MLPerf's ResNet-50: good for trying, not for publishing",
        "command": "python -m sample_training.resnet50 --out DIR",
        "packages": {name: metadata.version(name) for name in ("ai-edge-litert", "numpy", "onnx")},
        "weights_of": source.name,
        "weights_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "files": {FILE: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size_bytes": path.stat().st_size}},
    }
    (options.out / "sample.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
