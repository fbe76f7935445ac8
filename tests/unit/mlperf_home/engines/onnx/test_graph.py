"""The inputs and outputs of a model are found by name, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx import graph
from mlperf_home.testing import tiny_bert
from mlperf_home.testing.tiny_bert import TinyBert

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.engines.onnx.graph import GraphSignature


def _signature(path: Path) -> GraphSignature:
    return graph.read_signature(graph.load(path), path)


@pytest.mark.parametrize(
    ("names", "positions"),
    [
        (("input_ids", "attention_mask", "token_type_ids"), [0, 1, 2]),
        (("input_ids", "input_mask", "segment_ids"), [0, 1, 2]),
        (("segment_ids", "input_ids", "input_mask"), [2, 0, 1]),
        (("attention_mask", "input_ids"), [1, 0]),
        (("input_ids:0", "input_mask:0", "segment_ids:0"), [0, 1, 2]),
    ],
)
def test_inputs_are_found_by_role(tmp_path: Path, names: tuple[str, ...], positions: list[int]) -> None:
    signature = _signature(tiny_bert.write(tmp_path / "m.onnx", TinyBert(input_names=names)))
    assert [value.name for value in signature.inputs] == list(names)
    assert [value.position for value in signature.inputs] == positions
    assert signature.fixed_shape == (None, None)


@pytest.mark.parametrize(
    ("names", "expected", "positions"),
    [
        (("start_logits", "end_logits"), ("start_logits", "end_logits"), (0, 1)),
        (("end_logits", "start_logits"), ("start_logits", "end_logits"), (1, 0)),
        (
            ("output_start_logits", "output_end_logits"),
            ("output_start_logits", "output_end_logits"),
            (0, 1),
        ),
        (("unstack:1", "unstack:0"), ("unstack:0", "unstack:1"), (1, 0)),
        (("output_e", "output_s"), ("output_s", "output_e"), (1, 0)),
        (("endLogits", "startLogits"), ("startLogits", "endLogits"), (1, 0)),
        (("end_positions:0", "begin_positions:0"), ("begin_positions:0", "end_positions:0"), (1, 0)),
        (("logits",), ("logits",), (0,)),
    ],
)
def test_outputs_are_found_by_name(
    tmp_path: Path, names: tuple[str, ...], expected: tuple[str, ...], positions: tuple[int, ...]
) -> None:
    signature = _signature(tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=names)))
    assert (signature.outputs.names, signature.outputs.positions) == (expected, positions)


@pytest.mark.parametrize(
    "names", [("one", "another"), ("output_0", "output_1"), ("1234", "1235"), ("start_end_0", "start_end_1")]
)
def test_names_that_do_not_tell_start_from_end_are_marked(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=names))
    found = _signature(path).outputs
    assert (found.names, found.details) == (names, {"outputs": list(names), "outputs_by": "order"})
    for option in (names, names[::-1]):
        told = graph.read_signature(graph.load(path), path, ",".join(option)).outputs
        assert (told.names, told.positions, told.origin) == (option, tuple(map(names.index, option)), "option")


def test_three_outputs_whose_names_do_not_tell_are_refused(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=("a", "b")))
    model = onnx.load(str(path))
    model.graph.output.append(onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, ["batch", "length"]))
    with pytest.raises(BackendError, match=r"\(a, b, c\) do not tell the start of an answer from its end") as caught:
        graph.read_signature(model, path)
    assert '{"outputs": "START,END"}' in str(caught.value)


def test_a_third_output_does_not_disturb(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=("end_logits", "start_logits")))
    model = onnx.load(str(path))
    model.graph.output.insert(0, onnx.helper.make_tensor_value_info("unique_ids", onnx.TensorProto.INT64, ["batch"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("start_top", onnx.TensorProto.INT64, ["batch", 5]))
    assert graph.read_signature(model, path).outputs.positions == (2, 1)


@pytest.mark.parametrize("option", ["start_logits", "a,b", "start_logits,start_logits", "start,end", "1,2,3", ","])
def test_an_option_outputs_that_does_not_fit_is_refused(tmp_path: Path, option: str) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    with pytest.raises(BackendError, match="does not fit its outputs"):
        graph.read_signature(graph.load(path), path, option)


def test_one_output_holds_the_start_first_unless_told(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=("logits",)))
    value = np.stack((np.full((2, 3), 1.0), np.full((2, 3), 2.0)), -1).astype(np.float32)
    for option, expected, origin in (
        (None, [1, 2], "axis"), ("start,end", [1, 2], "option"), ("end, start", [2, 1], "option"),
    ):  # fmt: skip
        signature = graph.read_signature(graph.load(path), path, option)
        assert signature.logits([value], 2)[0, 0].tolist() == expected
        assert signature.outputs.origin == origin


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 2), (2, 4, 2, 1)])
def test_an_output_of_another_shape_is_refused_after_a_run(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=("logits",)))
    model = onnx.load(str(path))
    model.graph.output[0].type.tensor_type.shape.dim[2].ClearField("dim_value")
    signature = graph.read_signature(model, path)
    signature.check_outputs([np.zeros((2, 4, 2))], 2, 4, path)
    with pytest.raises(BackendError, match=r"its output logits has shape .* not \(2, 4, 2\)"):
        signature.check_outputs([np.zeros(shape)], 2, 4, path)


def test_a_size_that_one_input_tells_is_the_models(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_value = 64
    assert graph.read_signature(model, path).fixed_shape == (None, 64)
    model.graph.input[2].type.tensor_type.shape.dim[1].dim_value = 128
    with pytest.raises(BackendError, match=r"its inputs have different lengths \(64, 128\)"):
        graph.read_signature(model, path)


@pytest.mark.parametrize("element", ["INT8", "FLOAT16", "BOOL", "STRING", "UNDEFINED"])
def test_token_ids_of_a_type_that_cannot_hold_them_are_refused(tmp_path: Path, element: str) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DataType.Value(element)
    with pytest.raises(BackendError, match=f"input input_ids has type {element.lower()}; export it with"):
        graph.read_signature(model, path)


def test_logits_are_start_then_end_in_any_output_order(tmp_path: Path) -> None:
    start, end = np.full((2, 3), 1.0, np.float32), np.full((2, 3), 2.0, np.float32)
    names = ("end_logits", "start_logits")
    turned = _signature(tiny_bert.write(tmp_path / "m.onnx", TinyBert(output_names=names)))
    joined = turned.logits([end, start], 1)
    assert joined.shape == (1, 3, 2)
    assert joined[0, 0].tolist() == [1.0, 2.0]
    single = _signature(tiny_bert.write(tmp_path / "s.onnx", TinyBert(output_names=("logits",))))
    assert single.logits([np.stack((start, end), -1)], 2)[0, 0].tolist() == [1.0, 2.0]


def test_arrays_get_the_order_and_type_of_the_graph(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx", TinyBert(input_names=("segment_ids", "input_ids", "input_mask")))
    model = onnx.load(str(path))
    for value in model.graph.input:
        value.type.tensor_type.elem_type = onnx.TensorProto.INT32
    signature = graph.read_signature(model, path)
    arrays = signature.arrange(tuple(np.full((1, 4), number, np.int64) for number in range(3)))
    assert [int(array[0, 0]) for array in arrays] == [2, 0, 1]
    assert {array.dtype for array in arrays} == {np.dtype(np.int32)}


def test_a_model_with_other_inputs_is_refused(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    for value, name in zip(model.graph.input, ("pixels", "attention_mask", "boxes"), strict=True):
        value.name = name
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BackendError) as caught:
        _signature(path)
    text = str(caught.value)
    assert "its inputs are pixels, attention_mask, boxes" in text
    assert "input_ids, attention_mask or input_mask, token_type_ids or segment_ids" in text
    assert str(path) in text


def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    del model.graph.output[1:]
    with pytest.raises(BackendError, match="its outputs are start_logits; use a BERT model"):
        graph.read_signature(model, path)


def test_an_input_of_another_rank_is_refused(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    model.graph.input[0].type.tensor_type.shape.dim.add().dim_value = 3
    with pytest.raises(BackendError, match="input_ids has 3 dimensions"):
        graph.read_signature(model, path)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x08\x07\x12"])
def test_a_file_without_a_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(BackendError, match="download or export it again"):
        graph.load(path)


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BackendError, match="is not a complete ONNX file"):
        graph.load(path)


def test_an_absent_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be read"):
        graph.load(tmp_path / "none.onnx")


def _with_weights_beside(path: Path) -> None:
    onnx.save_model(
        onnx.load(str(tiny_bert.write(path))),
        str(path),
        save_as_external_data=True,
        location="weights",
        size_threshold=64,
    )


def test_external_weights_change_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    _with_weights_beside(path)
    before = graph.content_hash(path)
    with (tmp_path / "weights").open("r+b") as file:
        file.write(b"other")
    assert graph.content_hash(path) != before


def test_absent_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    _with_weights_beside(path)
    (tmp_path / "weights").unlink()
    model = graph.load(path)
    with pytest.raises(BackendError, match="weights"):
        graph.content_hash(path)
    with pytest.raises(BackendError, match="its weights cannot be read"):
        graph.load_weights(model, path)
