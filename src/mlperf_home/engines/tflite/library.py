"""The two packages with TFLite's interpreter, and the creation of interpreters.

The threads of a small model wait for each other longer than they compute, so their number is calibrated. Without
XNNPACK, the effect is larger: LiteRT 2.3.0 and tflite-runtime 2.14.0 need 0.1 to 0.4 ms for quantised models with one
thread and 6 to 20 ms with two. Beside other programs, calls with several threads are bimodal: if one thread is not
scheduled, the others wait for its time slice.
"""

from __future__ import annotations

import ctypes
import importlib
import math
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line
from scriptgraph.files.kernel_files import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAPS = Path("/proc/self/maps")
_DELEGATE_ENTRY = "tflite_plugin_create_delegate"
_PERCENTILE = 0.9


@dataclass(frozen=True)
class TflitePackage:
    """A package with TFLite's interpreter.

    Attributes:
        engine: the backend's name.
        distribution: the name of the distribution.
        module: the interpreter's module.
        other: the backend to use where the distribution has no wheel.
    """

    engine: str
    distribution: str
    module: str
    other: str


TFLITE = TflitePackage("tflite", "tflite-runtime", "tflite_runtime.interpreter", "litert")
LITERT = TflitePackage("litert", "ai-edge-litert", "ai_edge_litert.interpreter", "tflite")


@dataclass(frozen=True)
class Choices:
    """The settings of an interpreter.

    Attributes:
        threads: the threads of one call.
        xnnpack: whether the default delegate is enabled.
        delegate: the path or the name of another delegate's library, or None.
        delegate_options: the delegate's options, "key=value" each.
    """

    threads: int
    xnnpack: bool
    delegate: str | None
    delegate_options: tuple[str, ...] = ()


def load(package: TflitePackage) -> tuple[Any, str]:
    """Import the interpreter's module; return it and the package's version.

    Raises:
        BackendError: the package is absent or broken.
    """
    try:
        return importlib.import_module(package.module), metadata.version(package.distribution)
    except metadata.PackageNotFoundError:
        return importlib.import_module(package.module), "unknown"
    except (ImportError, AttributeError) as error:
        raise BackendError(
            f"{package.engine} cannot be imported ({error}); install {package.distribution}, "
            f"or use the {package.other} backend"
        ) from error


def make_interpreter(library: Any, path: Path, choices: Choices) -> Any:
    """Return an interpreter with allocated tensors; interpreters share the weights, which are mapped.

    Raises:
        BackendError: the engine refuses the model, or the delegate cannot be loaded.
    """
    options: dict[str, Any] = {"num_threads": choices.threads}
    if not choices.xnnpack:
        options["experimental_op_resolver_type"] = library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    if choices.delegate is not None:
        options["experimental_delegates"] = [_delegate(library, choices.delegate, choices.delegate_options)]
    try:
        interpreter = library.Interpreter(model_path=str(path), **options)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise BackendError(
            f"model {path}: the interpreter refuses it ({first_line(error)}); convert it with built-in operators"
        ) from error
    return interpreter


def delegated(interpreter: Any) -> bool | None:
    """Whether a delegate runs any part of the model; None if the engine does not report it."""
    operators = getattr(interpreter, "_get_ops_details", None)
    return None if operators is None else any("DELEGATE" in operator["op_name"].upper() for operator in operators())


def mapped_libraries() -> frozenset[Path]:
    """Return the shared libraries of this process; empty where the kernel does not tell."""
    lines = (read_text(_MAPS) or "").splitlines()
    names = (line.split(maxsplit=5)[-1].removesuffix(" (deleted)") for line in lines if "/" in line)
    return frozenset(path for name in names if ".so" in (path := Path(name)).name)


def delegate_files(name: str, before: frozenset[Path]) -> tuple[Path, ...]:
    """Return the libraries that a delegate has brought: its own and those that it needs, which `before` lacks.

    `name` is its path, or a name for the loader.
    """
    now = mapped_libraries()
    own = {path for path in now if path.name == Path(name).name} or {Path(name).resolve()}
    return tuple(sorted(path for path in (now - before) | own if path.is_file()))


def _delegate(library: Any, name: str, options: Sequence[str]) -> Any:
    """Load a delegate; check its options and its library first, since partly created delegates print errors."""
    pairs = [option.partition("=") for option in options]
    for option, (_, _, value) in zip(options, pairs, strict=True):
        if not value:
            raise BackendError(f"delegate {name}: option {option!r} must be key=value")
    try:
        getattr(ctypes.CDLL(name), _DELEGATE_ENTRY)
    except (OSError, AttributeError) as error:
        raise BackendError(
            f"delegate {name}: cannot be loaded ({error}); name a shared library that exports {_DELEGATE_ENTRY}"
        ) from error
    try:
        return library.load_delegate(name, options={key: value for key, _, value in pairs})
    except (ValueError, RuntimeError) as error:
        raise BackendError(f"delegate {name}: does not start ({first_line(error)}); see its documentation") from error


def percentile(times_ns: list[int]) -> int:
    """Return the 90th percentile by the nearest rank."""
    return sorted(times_ns)[math.ceil(_PERCENTILE * len(times_ns)) - 1]
