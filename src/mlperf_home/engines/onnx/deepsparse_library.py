"""DeepSparse and this machine: importing it quietly, its CPU's instructions, and room for its engines."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from scriptgraph.files.kernel_files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

VERSION = "1.8.0"
LICENCE = (
    "DeepSparse is proprietary: its Community License allows evaluation in development and testing, "
    "not production use or redistribution; it has been without maintenance since June 2025"
)
_LATEST_PYTHON = (3, 11)
_GIB = 1 << 30


def load() -> Any:
    """Import `deepsparse` without its usage reports, and return the module.

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
        python = sys.version_info[:2]
        if error.name != "deepsparse":
            reason = f"cannot be imported: it misses {error.name}; install deepsparse=={VERSION} again"
        elif python > _LATEST_PYTHON:
            reason = f"is not installed, and it has no wheels for Python {python[0]}.{python[1]}: "
            reason += "use CPython 3.8 to 3.11, or the onnxruntime backend"
        else:
            reason = f"is not installed in {sys.prefix}; install deepsparse=={VERSION}"
        raise BackendError(f"deepsparse {reason}") from error
    except (ImportError, OSError) as error:
        # Its CPU probe raises OSError where it finds no instruction set that it knows.
        raise BackendError(
            f"deepsparse cannot run on this machine ({error}); it needs Linux on a CPU with AVX2, AVX-512 "
            "or Arm NEON: take the onnxruntime backend instead"
        ) from error


def bound_call(engine: Any) -> Callable[[list[NDArray[Any]]], Any]:
    """Return what an engine's `run` ends in, without the Python in between.

    `Engine.run(arrays, val_inp=False)` of 1.8.0, the version that is pinned, does this and nothing else; after an
    inference has emptied the caches its detour costs several microseconds.
    """
    compiled = getattr(engine, "_eng_net", None)
    if compiled is None:
        return lambda arrays: engine.run(arrays, val_inp=False)
    call: Callable[[list[NDArray[Any]]], Any] = compiled.execute_list_out
    return call


def architecture(library: Any) -> dict[str, Any]:
    """Return what DeepSparse found of the CPU: isa, vnni, bf16, dotprod, vendor and so on."""
    return dict(library.cpu.cpu_architecture())


def instruction_set(cpu: Mapping[str, Any]) -> str:
    """Name what decides which code is generated, for instance "avx512_vnni"."""
    extensions = [name for name in ("vnni", "dotprod", "i8mm", "bf16") if cpu.get(name)]
    return "_".join([str(cpu.get("isa", "unknown")), *extensions])


def cpu_warnings(cpu: Mapping[str, Any]) -> tuple[str, ...]:
    """Return sentences on what this CPU's lacks mean for a result; none on a CPU that has all the engine wants.

    Args:
        cpu: as `architecture` returns it.
    """
    isa = str(cpu.get("isa", "unknown"))
    emulated = (
        "int8 models are emulated with wider arithmetic and run several times slower than they would with it; "
        "do not compare the result with machines that have it"
    )
    if isa in {"neon", "sve"}:
        lacks = f"This Arm CPU has no dot product instructions (asimddp): {emulated}."
        return () if cpu.get("dotprod") else (lacks,)
    if isa not in {"avx2", "avx512"}:
        made_for = "is not one that DeepSparse was made for (AVX2, AVX-512, NEON)"
        return (f"This CPU's instruction set ({isa}) {made_for}: the result says little about the engine.",)
    narrow = (
        "This CPU has AVX2 but no AVX-512 that DeepSparse uses: vectors are half as wide, "
        "and results are lower than published ones of AVX-512 machines."
    )
    found = [narrow] if isa == "avx2" else []
    return tuple(found if cpu.get("vnni") else [*found, f"This CPU has no VNNI instructions: {emulated}."])


def resident_bytes(process: Path = Path("/proc/self")) -> int | None:
    """Memory that this process holds; None where the system does not tell."""
    pages = re.match(r"\d+ (\d+)", read_text(process / "statm") or "")
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else None


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that can still be had without swapping; None where the system does not tell."""
    found = re.search(r"^MemAvailable:\s*(\d+)", read_text(meminfo) or "", re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def check_room(largest_bytes: int, remaining: int, free_bytes: int | None) -> None:
    """Raise before the kernel would end the process half-way.

    Args:
        largest_bytes: what the largest engine so far took.
        remaining: how many more are wanted.
        free_bytes: what is available; None if unknown, which refuses nothing.

    Raises:
        BackendError: they do not fit.
    """
    if free_bytes is None or remaining * largest_bytes <= free_bytes:
        return
    fit = free_bytes // max(1, largest_bytes)
    raise BackendError(
        f"{remaining} more engines of about {largest_bytes / _GIB:.1f} GiB each do not fit into "
        f"{free_bytes / _GIB:.1f} GiB of free memory (about {fit} do); give fewer sequence lengths, "
        "for instance DEEPSPARSE_SEQLENS=192,384"
    )
