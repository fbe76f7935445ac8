"""The two packages with TFLite's interpreter, and how an interpreter is made."""

from __future__ import annotations

import ctypes
import importlib
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DELEGATE_ENTRY = "tflite_plugin_create_delegate"


@dataclass(frozen=True)
class Package:
    """A package that holds the interpreter.

    Attributes:
        engine: the engine's name here.
        distribution: what is installed.
        module: what is imported.
        other: what to take where it has no wheel.
    """

    engine: str
    distribution: str
    module: str
    other: str


TFLITE = Package("tflite", "tflite-runtime", "tflite_runtime.interpreter", "litert")
LITERT = Package("litert", "ai-edge-litert", "ai_edge_litert.interpreter", "tflite")


@dataclass(frozen=True)
class Choices:
    """How an interpreter is made: threads within one call, XNNPACK, and a delegate's library or None.

    `delegate_options` are the delegate's own, "key=value" each.
    """

    threads: int
    xnnpack: bool
    delegate: str | None
    delegate_options: tuple[str, ...] = ()


def load(package: Package) -> tuple[Any, str]:
    """Import the interpreter's module.

    Returns:
        The module, and the package's version.

    Raises:
        BackendError: it is absent or broken.
    """
    try:
        return importlib.import_module(package.module), metadata.version(package.distribution)
    except metadata.PackageNotFoundError:
        return importlib.import_module(package.module), "unknown"
    except (ImportError, AttributeError) as error:
        raise BackendError(
            f"{package.engine} cannot be imported ({error}); install {package.distribution}, "
            f"or take the {package.other} backend"
        ) from error


def make_interpreter(library: Any, path: Path, choices: Choices) -> Any:
    """Make an interpreter whose tensors have their places; the weights are mapped, so interpreters share them.

    Raises:
        BackendError: the engine refuses the model, or the delegate cannot be had.
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
            f"model {path}: the interpreter refuses it ({first_line(error)}); convert it again, with built-in operators"
        ) from error
    return interpreter


def delegated(interpreter: Any) -> bool | None:
    """Whether a delegate runs any part of the model; None where the engine does not tell."""
    operators = getattr(interpreter, "_get_ops_details", None)
    return None if operators is None else any("DELEGATE" in each["op_name"].upper() for each in operators())


def _delegate(library: Any, name: str, options: Sequence[str]) -> Any:
    """Load a delegate; what would fail is found out first, since half-made delegates complain when they go."""
    pairs = [each.partition("=") for each in options]
    for each, (_, _, value) in zip(options, pairs, strict=True):
        if not value:
            raise BackendError(f"delegate {name}: option {each!r} must be key=value")
    try:
        getattr(ctypes.CDLL(name), _DELEGATE_ENTRY)
    except (OSError, AttributeError) as error:
        raise BackendError(
            f"delegate {name}: cannot be loaded ({error}); name a shared library that exports {_DELEGATE_ENTRY}"
        ) from error
    try:
        return library.load_delegate(name, options={key: value for key, _, value in pairs})
    except (ValueError, RuntimeError) as error:
        raise BackendError(
            f"delegate {name}: does not start ({first_line(error)}); see its own documentation"
        ) from error
