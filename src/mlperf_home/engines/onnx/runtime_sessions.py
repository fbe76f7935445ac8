"""The package onnxruntime: its import, its sessions, and their runs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def load_onnxruntime() -> Any:
    """Import the module `onnxruntime`; raise `BackendError` if it cannot be imported."""
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise BackendError(f"onnxruntime cannot be imported ({error}); install it") from error


def make_session(library: Any, path: Path, *, threads: int, model_path: Path) -> Any:
    """Make a session with threads of its own; raise `BackendError` if the runtime refuses the model."""
    settings = library.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3  # errors only; warnings concern the authors of models
    try:
        return library.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no public base
        raise BackendError(
            f"model {model_path}: onnxruntime refuses it ({first_line(error)}); export it again for opset 13 to 17"
        ) from error


def run_session(session: Any, outputs: Sequence[str] | None, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Run a session; return the named outputs, or all in the graph's order."""
    try:
        return session.run(outputs, arrays)
    except Exception as error:  # its exceptions share no public base
        problem = f"onnxruntime: the model cannot be run ({first_line(error)}); export it again, or use another backend"
        raise BackendError(problem) from error
