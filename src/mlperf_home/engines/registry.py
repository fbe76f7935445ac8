"""The backends by name; a backend's module is imported when the backend is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from mlperf_home.engines.base import Backend

_CLASSES = {
    "deepsparse": ("mlperf_home.engines.onnx.deepsparse", "DeepSparseBackend"),
    "onnxruntime": ("mlperf_home.engines.onnx.onnxruntime", "OnnxRuntimeBackend"),
    "openvino": ("mlperf_home.engines.openvino.engine", "OpenVinoBackend"),
    "tflite": ("mlperf_home.engines.tflite.engine", "TfliteBackend"),
    "litert": ("mlperf_home.engines.tflite.engine", "LiteRtBackend"),
    "echo": ("mlperf_home.engines.echo", "EchoBackend"),
}

NAMES = tuple(_CLASSES)


def make(name: str) -> Backend:
    """Make a backend, not yet open.

    Raises:
        BackendError: there is no backend of this name, or a library for reading models is missing.
    """
    if name not in _CLASSES:
        raise BackendError(f"backend {name!r}: does not exist; use one of {', '.join(NAMES)}")
    module, kind = _CLASSES[name]
    try:
        return cast("Backend", getattr(importlib.import_module(module), kind)())
    except ModuleNotFoundError as error:
        raise BackendError(f"backend {name}: the Python package {error.name} is missing; install it") from error
