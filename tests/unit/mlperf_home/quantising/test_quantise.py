"""The questions for ranges and for the check differ, and weights that are cast become weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlperf_home.datasets.base import DatasetError

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from mlperf_home.quantising.quantise import CALIBRATED, CHECKED, fold_weight_casts, split_questions  # noqa: E402

WHERE = Path("questions.json")


def test_no_question_is_used_twice() -> None:
    split = split_questions(10_000, WHERE)

    assert (len(split.calibration), len(split.check)) == (CALIBRATED, CHECKED)
    assert not set(split.calibration.tolist()) & set(split.check.tolist())


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"has 511 questions; quantising needs 512"):
        split_questions(511, WHERE)


def test_a_cast_of_a_weight_becomes_a_weight() -> None:
    half = onnx.numpy_helper.from_array(np.ones((2, 2), np.float16), "half")
    nodes = [
        onnx.helper.make_node("Cast", ["half"], ["whole"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("MatMul", ["x", "whole"], ["y"]),
    ]
    value = onnx.helper.make_tensor_value_info
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(nodes, "g", [value("x", floats, [1, 2])], [value("y", floats, [1, 2])], [half])
    model = onnx.helper.make_model(graph)

    fold_weight_casts(model)

    assert [node.op_type for node in model.graph.node] == ["MatMul"]
    assert [(each.name, each.data_type) for each in model.graph.initializer] == [("whole", floats)]
    onnx.checker.check_model(model)
