"""What a compiled model tells is recorded, and a precision that this CPU lacks is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import EngineOptions
from mlperf_home.engines.openvino import library

MODEL = Path("model.onnx")


class _Fact:
    def __init__(self, text: str) -> None:
        self.text = text

    def astype(self, _kind: type) -> str:
        return self.text


class _Compiled:
    """A compiled model on a recorded machine."""

    def __init__(self, precision: str, kernels: dict[str, str]) -> None:
        facts = {"INFERENCE_PRECISION_HINT": SimpleNamespace(to_string=lambda: precision)}
        self.properties: dict[str, Any] = {**facts, "NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 4}
        self.nodes = [
            SimpleNamespace(get_rt_info=lambda kernel=kernel, kind=kind: {
                "layerType": _Fact(kind.rstrip("0123456789")), "primitiveType": _Fact(kernel)
            })
            for kind, kernel in kernels.items()
        ]  # fmt: skip

    def get_property(self, name: str) -> Any:
        return self.properties[name]

    def get_runtime_model(self) -> Any:
        return SimpleNamespace(get_ops=lambda: self.nodes)


class _Core:
    def __init__(self, compiled: _Compiled) -> None:
        self.compiled = compiled
        self.asked: dict[str, Any] = {}

    def compile_model(self, _model: object, _device: str, properties: dict[str, Any]) -> _Compiled:
        self.asked = properties
        return self.compiled


AMX = _Compiled("bf16", {"FullyConnected1": "brgemm_avx512_amx_bf16", "FullyConnected2": "brgemm_avx512_amx_bf16"})
AVX2 = _Compiled("f32", {"FullyConnected": "brgemm_avx2_f32", "Softmax": "jit_avx2_FP32"})


def test_bf16_on_amx_is_recorded_as_such() -> None:
    details = library.compiled_details(AMX)

    assert details["precision"] == "bf16"
    assert details["isa"] == "brgemm_avx512_amx_bf16"
    assert details["kernels"] == "brgemm_avx512_amx_bf16 x 2"
    assert (details["streams"], details["threads"]) == (2, 4)


def test_only_matrix_products_count_for_the_isa() -> None:
    assert library.compiled_details(AVX2)["isa"] == "brgemm_avx2_f32"


def test_int8_products_are_told_beside_the_floats() -> None:
    made = _Compiled("f32", {"FullyConnected": "brgemm_avx512_amx_I8"})

    assert library.compiled_details(made)["precision"] == "int8 and f32"


def test_f32_is_passed_to_the_engine_on_request() -> None:
    core = _Core(AVX2)

    library.compile_model(core, None, MODEL, library.CompileChoices("f32", streams=2, threads=1))

    assert core.asked["INFERENCE_PRECISION_HINT"] == "f32"
    assert core.asked["PERFORMANCE_HINT"] == "THROUGHPUT"


def test_one_stream_asks_for_a_low_latency() -> None:
    core = _Core(AVX2)

    library.compile_model(core, None, MODEL, library.CompileChoices(None, streams=1, threads=2))

    assert core.asked["PERFORMANCE_HINT"] == "LATENCY"
    assert "INFERENCE_PRECISION_HINT" not in core.asked


def test_a_precision_that_the_cpu_lacks_is_refused() -> None:
    with pytest.raises(BackendError, match="bf16 was requested, but this CPU multiplies floats in f32"):
        library.compile_model(_Core(AVX2), None, MODEL, library.CompileChoices("bf16", streams=1, threads=1))


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(BackendError, match="option precision is 'fp8'; use one of f32, bf16, f16"):
        library.read_precision(EngineOptions("openvino", {"precision": "fp8"}, ("precision",)))
