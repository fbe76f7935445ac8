"""The two packages with TFLite's interpreter, how an interpreter is made, and with how many threads.

On small models the threads wait for each other longer than they compute, so their number is measured. Without XNNPACK
it is much worse: LiteRT 2.3.0 and tflite-runtime 2.14.0 take 6 to 20 ms for quantised models with two threads that take
0.1 to 0.4 ms with one. Beside other programs, calls with several threads are bimodal: if one thread is not run, all
wait for its time slice.
"""

from __future__ import annotations

import ctypes
import importlib
import math
import time
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_DELEGATE_ENTRY = "tflite_plugin_create_delegate"
_PERCENTILE = 0.9
# In turns, so that what disturbs the machine for a moment disturbs all.
_ROUNDS = 4
_ROUND_S = 0.1
_FEWEST_CALLS = 2
# What is slower by as much at the very first is not worth four rounds.
_HOPELESS = 8


@dataclass(frozen=True)
class TflitePackage:
    """A package that holds the interpreter: the engine's name here; `other` is what to take where it has no wheel."""

    engine: str
    distribution: str
    module: str
    other: str


TFLITE = TflitePackage("tflite", "tflite-runtime", "tflite_runtime.interpreter", "litert")
LITERT = TflitePackage("litert", "ai-edge-litert", "ai_edge_litert.interpreter", "tflite")


@dataclass(frozen=True)
class Choices:
    """How an interpreter is made: threads within one call, XNNPACK, and a delegate's library or None.

    `delegate_options` are the delegate's own, "key=value" each.
    """

    threads: int
    xnnpack: bool
    delegate: str | None
    delegate_options: tuple[str, ...] = ()


def load(package: TflitePackage) -> tuple[Any, str]:
    """Import the interpreter's module; return it and the package's version.

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


def thread_counts(cores: int) -> tuple[int, ...]:
    """List what is worth trying: 1, 2, 4, ... and all cores."""
    return (*(1 << power for power in range(max(0, cores - 1).bit_length())), cores)


def latencies_ns(
    calls: Mapping[int, Callable[[], object]], clock_ns: Callable[[], int] = time.perf_counter_ns
) -> dict[int, int]:
    """Measure calls, each one inference by its number of threads, warmed up, in turns with the others.

    Return the 90th percentile of each in nanoseconds: the figure that SingleStream is judged by.
    """
    taken: dict[int, list[int]] = {threads: [] for threads in calls}
    left = dict(calls)
    for number in range(_ROUNDS):
        for threads, call in left.items():
            times, end_ns = taken[threads], clock_ns() + int(_ROUND_S * 1e9)
            fewest = len(times) + _FEWEST_CALLS
            while len(times) < fewest or clock_ns() < end_ns:
                start_ns = clock_ns()
                call()
                times.append(clock_ns() - start_ns)
        if not number:
            fastest = min(map(percentile, taken.values()))
            left = {each: call for each, call in calls.items() if percentile(taken[each]) <= _HOPELESS * fastest}
    return {threads: percentile(times) for threads, times in taken.items()}


def percentile(times_ns: list[int]) -> int:
    """Return the 90th percentile, by nearest rank."""
    return sorted(times_ns)[math.ceil(_PERCENTILE * len(times_ns)) - 1]
