"""Importing DeepSparse: quietly, and with a plain word where it cannot be imported."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

VERSION = "1.8.0"
LICENCE = (
    "DeepSparse is proprietary: its Community License allows evaluation in development and testing, "
    "not production use or redistribution; it has been without maintenance since June 2025"
)
_LATEST_PYTHON = (3, 11)


def load() -> Any:
    """Import `deepsparse` without its usage reports.

    Returns:
        The module.

    Raises:
        BackendError: not installed, or this CPU or Python is not one of its.
    """
    # Unless told not to, the import asks the network where it is and reports that it was
    # used, without any time limit. It reads this when it is imported and never again.
    os.environ["NM_DISABLE_ANALYTICS"] = "1"
    # Faster and less accurate int8 on old CPUs: a result must never depend on it unseen.
    os.environ.pop("NM_FAST_VNNI_EMULATION", None)
    try:
        return importlib.import_module("deepsparse")
    except ModuleNotFoundError as error:
        raise BackendError(_absent(error)) from error
    except (ImportError, OSError) as error:
        # Its CPU probe raises OSError where it finds no instruction set that it knows.
        raise BackendError(
            f"deepsparse cannot run on this machine ({error}); it needs Linux on a CPU with AVX2, AVX-512 "
            "or Arm NEON: take the onnxruntime backend instead"
        ) from error


def bound_call(engine: Any) -> Callable[[list[NDArray[Any]]], Any]:
    """Give what an engine's `run` ends in, without the Python in between.

    `Engine.run(arrays, val_inp=False)` of 1.8.0, the version that is pinned, does this and nothing else; after an
    inference has emptied the caches its detour costs several microseconds.
    """
    compiled = getattr(engine, "_eng_net", None)
    if compiled is None:
        return lambda arrays: engine.run(arrays, val_inp=False)
    call: Callable[[list[NDArray[Any]]], Any] = compiled.execute_list_out
    return call


def architecture(library: Any) -> dict[str, Any]:
    """What DeepSparse found of the CPU: isa, vnni, bf16, dotprod, vendor and so on."""
    return dict(library.cpu.cpu_architecture())


def instruction_set(cpu: Mapping[str, Any]) -> str:
    """Name what decides which code is generated, for instance "avx512_vnni"."""
    extensions = [name for name in ("vnni", "dotprod", "i8mm", "bf16") if cpu.get(name)]
    return "_".join([str(cpu.get("isa", "unknown")), *extensions])


def cpu_warnings(cpu: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what this CPU's lacks mean for a result.

    Args:
        cpu: as `architecture` gives it.

    Returns:
        Sentences for the user; none on a CPU that has all the engine wants.
    """
    isa = str(cpu.get("isa", "unknown"))
    emulated = (
        "int8 models are emulated with wider arithmetic and run several times slower than they would with it; "
        "do not compare the result with machines that have it"
    )
    found: list[str] = []
    if isa in {"neon", "sve"}:
        if not cpu.get("dotprod"):
            found.append(f"This Arm CPU has no dot product instructions (asimddp): {emulated}.")
    elif isa in {"avx2", "avx512"}:
        if isa == "avx2":
            found.append(
                "This CPU has AVX2 but no AVX-512 that DeepSparse uses: vectors are half as wide, "
                "and results are lower than published ones of AVX-512 machines."
            )
        if not cpu.get("vnni"):
            found.append(f"This CPU has no VNNI instructions: {emulated}.")
    else:
        found.append(
            f"This CPU's instruction set ({isa}) is not one that DeepSparse was made for (AVX2, AVX-512, NEON): "
            "the result says little about the engine."
        )
    return tuple(found)


def _absent(error: ModuleNotFoundError) -> str:
    """Say why there is no deepsparse, and what would help."""
    if error.name != "deepsparse":
        return f"deepsparse cannot be imported: it misses {error.name}; install deepsparse=={VERSION} again"
    if sys.version_info[:2] > _LATEST_PYTHON:
        here = ".".join(str(part) for part in sys.version_info[:2])
        return (
            f"deepsparse is not installed, and it has no wheels for Python {here}: "
            "use CPython 3.8 to 3.11, or the onnxruntime backend"
        )
    return f"deepsparse is not installed in {sys.prefix}; install deepsparse=={VERSION}"
