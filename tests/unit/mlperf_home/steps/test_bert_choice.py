"""The engines of a trial fit the machine and the request."""

from __future__ import annotations

import pytest

from mlperf_home.steps.bert_choice import NoBertEngineError, WantedModels, engines_here, entries_of, read_entries

ALL = ("deepsparse", "openvino", "onnxruntime")
ROWS = read_entries()


def any_python(_minimum: tuple[int, int], _below: tuple[int, int]) -> bool:
    return True


def test_a_usual_x86_machine_has_all_engines() -> None:
    assert engines_here("x86_64", "glibc 2.36", any_python) == (list(ALL), [])


def test_an_old_c_library_on_arm_leaves_openvino_out() -> None:
    here, absent = engines_here("aarch64", "glibc 2.31", any_python)

    assert here == ["deepsparse", "onnxruntime"]
    assert absent == ["openvino needs glibc 2.35 or newer, and this machine has glibc 2.31"]


def test_python_312_alone_leaves_deepsparse_out() -> None:
    here, absent = engines_here("x86_64", "glibc 2.36", lambda _minimum, below: below > (3, 12))

    assert here == ["openvino", "onnxruntime"]
    assert absent == ["deepsparse needs CPython from 3.10 to below 3.12, which this machine lacks"]


def test_a_machine_without_wheels_is_an_error() -> None:
    with pytest.raises(NoBertEngineError, match="has no engine for BERT: deepsparse has no wheel for riscv64"):
        engines_here("riscv64", "glibc 2.39", any_python)


@pytest.mark.parametrize(
    ("wanted", "entries"),
    [
        (
            WantedModels(),
            ["deepsparse/obert-large-95", "openvino/onnx-fp32", "onnxruntime/onnx-int8", "openvino/nncf-int8"],
        ),
        (WantedModels(precision="fp32"), [f"{name}/onnx-fp32" for name in ALL]),
        (WantedModels(precision="bf16", sample=True), [f"{name}/sample-dense" for name in ALL]),
        (WantedModels(closed=True), ["openvino/onnx-fp32", "onnxruntime/onnx-int8"]),
        (WantedModels(variation="mobilebert-14layer"), [f"{name}/mobilebert-14layer" for name in ALL]),
        (WantedModels(variation="hf-bert-large-sparse80"), [f"{name}/own" for name in ALL]),
        (WantedModels(own=True, variation="onnx-fp32"), [f"{name}/own" for name in ALL]),
    ],
)
def test_the_models_are_those_of_the_request(wanted: WantedModels, entries: list[str]) -> None:
    assert entries_of(ROWS, wanted, ALL) == entries


def test_the_sample_tries_its_own_models_only() -> None:
    entries = entries_of(ROWS, WantedModels(sample=True), ALL)

    assert entries[0] == "deepsparse/sample"
    assert {"openvino/sample-dense", "openvino/sample-nncf-int8"} <= set(entries)
    assert all("/sample" in each for each in entries)


def test_a_request_without_a_fitting_model_is_refused() -> None:
    with pytest.raises(NoBertEngineError, match="no engine has a model that fits"):
        entries_of(ROWS, WantedModels(precision="int8", variation="onnx-fp32"), ALL)
