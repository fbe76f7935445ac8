"""The package openvino: its import, its settings, and what a compiled model tells of itself."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import FLOAT_PRECISIONS, BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.engines.engine import EngineOptions

# The names of the types in the engine's interface.
_TYPES = {"f32": "f32", "float": "f32", "float32": "f32", "bf16": "bf16", "bfloat16": "bf16", "f16": "f16"}
_TYPES |= {"half": "f16", "float16": "f16"}
# The nodes of a compiled model that take its time.
_MATRIX_NODES = frozenset({"FullyConnected", "MatMul", "Convolution", "ScaledDotProductAttention"})
_OTHER = "use the onnxruntime backend"


@dataclass(frozen=True)
class CompileChoices:
    """The settings of a compiled model.

    Attributes:
        precision: the type in which floats are multiplied, or None for the engine's choice for this CPU.
        streams: the simultaneous requests.
        threads: the threads of one request.
        pinning: whether each thread stays on a core; None for the engine's choice.
    """

    precision: str | None
    streams: int
    threads: int
    pinning: bool | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """The engine's properties."""
        chosen: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY" if self.streams == 1 else "THROUGHPUT",
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.streams * self.threads,
            # Two threads of a core share its arithmetic units.
            "ENABLE_HYPER_THREADING": False,
        }
        if self.precision is not None:
            chosen["INFERENCE_PRECISION_HINT"] = self.precision
        if self.pinning is not None:
            chosen["ENABLE_CPU_PINNING"] = self.pinning
        return chosen


def read_precision(options: EngineOptions) -> str | None:
    """Return the option `precision`; None without it.

    Raises:
        BackendError: the engine has no such precision.
    """
    precision = options.text("precision")
    if precision not in {None, *FLOAT_PRECISIONS}:
        known = ", ".join(FLOAT_PRECISIONS)
        raise BackendError(f"backend openvino: option precision is {precision!r}; use one of {known}")
    return precision


def load() -> Any:
    """Import the module `openvino`.

    Raises:
        BackendError: it is not installed, or does not support this CPU or Python.
    """
    # The import loads this package, which would report the use of converters over the network.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # an import of it fails
    try:
        return importlib.import_module("openvino")
    except (ImportError, OSError) as error:
        problem = f"openvino cannot be imported ({first_line(error)})"
        raise BackendError(f"{problem}; install openvino, which needs x86-64 or aarch64, or {_OTHER}") from error


def read_model(core: Any, path: Path) -> Any:
    """Read a model's file; raise `BackendError` if the engine refuses it."""
    try:
        return core.read_model(str(path))
    except Exception as error:  # its exceptions share no public base
        raise refusal(path, error) from error


def compile_model(core: Any, model: Any, path: Path, choices: CompileChoices) -> Any:
    """Compile a model for the CPU.

    Raises:
        BackendError: the engine refuses the model, or this CPU cannot multiply in the precision.
    """
    try:
        compiled = core.compile_model(model, "CPU", choices.properties)
    except Exception as error:  # its exceptions share no public base
        raise refusal(path, error) from error
    used = float_precision(compiled)
    if choices.precision not in {None, used}:
        problem = f"precision {choices.precision} was requested, but this CPU multiplies floats in {used}"
        raise BackendError(f"backend openvino: {problem}; leave --precision out, or use another machine")
    return compiled


def refusal(path: Path, error: Exception) -> BackendError:
    """Return the error of a model that the engine refuses."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The first lines name the engine's own source files.
    told = [line for line in lines if not line.startswith(("Exception from", "Check "))] or lines or [repr(error)]
    return BackendError(f"model {path}: openvino refuses it ({told[-1][:200]}); {_OTHER}")


def float_precision(compiled: Any) -> str:
    """Return the type in which a compiled model multiplies floats, as it tells itself."""
    kind = compiled.get_property("INFERENCE_PRECISION_HINT")
    name = str(getattr(kind, "to_string", lambda: kind)()).lower().rpartition(".")[2].strip("<>' ")
    return _TYPES.get(name, name)


def compiled_details(compiled: Any) -> dict[str, Any]:
    """Return what a compiled model tells: precision, instruction set, streams and threads.

    `isa` is the kernel that computes most of the matrix products, and `kernels` counts the nodes of each kernel.
    """
    kernels, floats = _kernels(compiled), float_precision(compiled)
    has_int8 = any(name.upper().endswith(("_I8", "_U8")) for name in kernels)
    return {
        "precision": f"int8 and {floats}" if has_int8 else floats,
        "isa": max(kernels, key=lambda name: kernels[name], default=None),
        "kernels": ", ".join(f"{name} x {count}" for name, count in sorted(kernels.items())) or None,
        "streams": int(compiled.get_property("NUM_STREAMS")),
        "threads": int(compiled.get_property("INFERENCE_NUM_THREADS")),
    }


def _kernels(compiled: Any) -> Mapping[str, int]:
    """Return the number of matrix nodes of each kernel, such as "brgemm_avx512_amx_bf16"."""
    names: Counter[str] = Counter()
    for node in compiled.get_runtime_model().get_ops():
        facts = node.get_rt_info()
        if _fact(facts, "layerType") in _MATRIX_NODES and (kernel := _fact(facts, "primitiveType")):
            names[kernel] += 1
    return names


def _fact(facts: Any, name: str) -> str:
    try:
        return str(facts[name].astype(str))
    except (KeyError, RuntimeError, TypeError, AttributeError):
        return ""
