"""The files of an ONNX model are found without its weights, wherever a tensor can stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from onnx.external_data_helper import set_external_data

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx import model_file
from mlperf_home.engines.onnx.model_file import external_files
from mlperf_home.testing import tiny_bert

if TYPE_CHECKING:
    from pathlib import Path


def _external(name: str) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), f"tensor_{name}")
    set_external_data(tensor, name)
    tensor.ClearField("raw_data")
    return tensor


def _graph(name: str, nodes: list[Any], *initializers: onnx.TensorProto) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, [], [], list(initializers))


def _refusal(path: Path) -> str:
    """Return the error's text; "" where the file is read."""
    try:
        external_files(path)
    except BackendError as error:
        return str(error)
    return ""


def _everywhere() -> onnx.ModelProto:
    """Return a model with an external tensor in each place where ONNX has one."""
    loop = helper.make_node("If", ["c"], ["o"], then_branch=_graph("then", [], _external("branch")))
    constants = [
        helper.make_node("Constant", [], ["a"], value=_external("constant")),
        helper.make_node("Custom", [], ["b"], many=[_external("list")], bodies=[_graph("body", [], _external("body"))]),
        helper.make_node("Constant", [], ["s"], sparse_value=helper.make_sparse_tensor(
            _external("values"), _external("indices"), [9])),
    ]  # fmt: skip
    graph = _graph("main", [loop, *constants], _external("weights"), _external("weights"))
    graph.sparse_initializer.append(helper.make_sparse_tensor(_external("sparse"), _external("places"), [9]))
    model = helper.make_model(graph)
    function = model.functions.add(name="f")
    function.node.append(helper.make_node("Constant", [], ["a"], value=_external("function")))
    model.training_info.add().algorithm.CopyFrom(_graph("training", [], _external("training")))
    return model


def test_external_tensors_are_found_in_every_place(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(_everywhere().SerializeToString())
    assert external_files(path) == (
        *("body", "branch", "constant", "function", "indices", "list", "places", "sparse", "training", "values"),
        "weights",
    )


def test_the_followed_fields_are_those_of_onnx() -> None:
    """Each field of ONNX's own messages that leads to a tensor is followed, and no other."""
    messages = {name: getattr(onnx, name).DESCRIPTOR for name in model_file.FIELDS}
    for name, fields in model_file.FIELDS.items():
        kinds = {field.number: field.message_type for field in messages[name].fields if field.message_type}
        followed = {number: kind.name for number, kind in kinds.items() if kind.name in {*messages, "TensorProto"}}
        assert fields == followed


def test_a_tensor_within_the_model_needs_no_file(tmp_path: Path) -> None:
    model = onnx.load(str(tiny_bert.write(tmp_path / "m.onnx")))
    assert external_files(tmp_path / "m.onnx") == ()
    # A location alone makes no tensor external.
    model.graph.initializer[0].external_data.add(key="location", value="other")
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert external_files(tmp_path / "m.onnx") == ()


def test_a_cut_model_is_refused_in_one_line(tmp_path: Path) -> None:
    path, content = tmp_path / "m.onnx", _everywhere().SerializeToString()
    for size in range(1, len(content), 7):
        path.write_bytes(content[:size])
        refusal = _refusal(path)  # none for a cut between two parts, which Protobuf cannot see
        assert not refusal or refusal.startswith(f"model {path}: is not a complete ONNX file (")
        assert "\n" not in refusal


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200), place=st.integers(0, 300), valid=st.booleans())
def test_damaged_bytes_end_in_a_located_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int, valid: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    whole = _everywhere().SerializeToString()
    path.write_bytes(whole[:place] + content + whole[place + len(content) :] if valid else content)
    refusal = _refusal(path)
    assert not refusal or str(path) in refusal


def test_deep_graphs_are_walked(tmp_path: Path) -> None:
    def field(number: int, content: bytes) -> bytes:
        size, length = len(content), bytearray()
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        return bytes([number << 3 | 2, *length, size]) + content

    content = field(5, _external("deep").SerializeToString())
    for _ in range(3000):  # attribute of a node of a graph
        content = field(1, field(5, field(6, content)))
    path = tmp_path / "deep.onnx"
    path.write_bytes(field(7, content))
    assert external_files(path) == ("deep",)


def test_an_absent_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"none\.onnx: cannot be read \(No such file"):
        external_files(tmp_path / "none.onnx")
