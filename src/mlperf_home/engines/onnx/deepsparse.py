"""DeepSparse: one engine for each shape of the grid, all on one scheduler."""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.grids import Grid
from mlperf_home.engines import trial
from mlperf_home.engines.base import BackendError, EngineDescription
from mlperf_home.engines.engine import WARM_UP_RUNS, QuestionAnswering, fill, full_inputs, locate, usable_cores
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs
from scriptgraph.files.kernel_files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared
    from mlperf_home.engines.engine import EngineOptions
    from mlperf_home.engines.onnx.graph import GraphSignature

VERSION = "1.8.0"
LICENCE = (
    "DeepSparse is proprietary: its Community License allows evaluation in development and testing, "
    "not production use or redistribution; it has been without maintenance since June 2025"
)
_LATEST_PYTHON = (3, 11)
_GIB = 1 << 30
_REFUSE_BELOW = 0.5
_WARN_BELOW = 0.9


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


def instruction_set(cpu: Mapping[str, Any]) -> str:
    """Name what decides which code is generated, for instance "avx512_vnni"."""
    extensions = [name for name in ("vnni", "dotprod", "i8mm", "bf16") if cpu.get(name)]
    return "_".join([str(cpu.get("isa", "unknown")), *extensions])


def cpu_warnings(cpu: Mapping[str, Any]) -> tuple[str, ...]:
    """Return sentences on what this CPU's lacks mean for a result; none on a CPU that has all the engine wants."""
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
    """Raise before the kernel would end the process half-way; unknown `free_bytes` refuse nothing.

    Raises:
        BackendError: so many more engines of the largest one's size do not fit.
    """
    if free_bytes is None or remaining * largest_bytes <= free_bytes:
        return
    fit = free_bytes // max(1, largest_bytes)
    raise BackendError(
        f"{remaining} more engines of about {largest_bytes / _GIB:.1f} GiB each do not fit into "
        f"{free_bytes / _GIB:.1f} GiB of free memory (about {fit} do); give fewer sequence lengths, "
        "for instance DEEPSPARSE_SEQLENS=192,384"
    )


class DeepSparseBackend(QuestionAnswering):
    """The DeepSparse engine behind `mlperf_home.engines.base.Backend`.

    Options: `allow_unsupported` (run graphs that the optimised code mostly does not cover), `trial` (false
    skips the compile in a child process), `single` (also prepare batches of 1, which serve a batch that is
    not full; it costs a second engine for each length), `trial_command` (for tests).
    """

    name = "deepsparse"
    option_names = ("allow_unsupported", "trial", "single", "trial_command")

    def __init__(self) -> None:
        super().__init__()
        self._engines: dict[tuple[int, int], Any] = {}
        # What each engine's `run` ends in, by shape.
        self._calls: dict[tuple[int, int], Callable[[list[NDArray[Any]]], Any]] = {}
        self._signature: GraphSignature | None = None
        self._context: Any = None

    def prepare(self, inputs: Inputs) -> Prepared:
        """Arrange one batch; see `Backend.prepare`."""
        signature = self._signature
        if signature is None:
            raise self._not_open()
        batch, length = locate(inputs, self._largest_batch)
        arrays = signature.arrange(inputs)
        call = self._calls.get((batch, length))
        if call is None:
            single = self._calls.get((1, length))
            if single is not None:
                return _one_by_one(single, signature, arrays)
            largest = self._largest_batch[length]
            call, arrays = self._calls[largest, length], [fill(array, largest) for array in arrays]

        def infer() -> Answer:
            try:
                outputs = call(arrays)
            except RuntimeError as error:
                raise _failed(error) from error
            return partial(signature.logits, outputs, batch)

        return infer

    def close(self) -> None:
        """Release the engines; see `Backend.close`."""
        self._signature = None
        # The engines use the context's threads: they go first.
        self._calls.clear()
        self._engines.clear()
        self._context = None

    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        graphs = FixedShapeGraphs(setup.model_path, setup.work_dir)
        library = load()
        cpu = dict(library.cpu.cpu_architecture())
        cores = usable_cores(setup.cores)
        shapes = list(self._largest_batch.items())
        if options.flag("trial", default=True):
            name = f"{graphs.sha256[:16]}-trial-deepsparse-{library.__version__}-{instruction_set(cpu)}"
            _try_in_child(setup, shapes[0], setup.work_dir / f"{name}.json", options)
        self._signature = graphs.signature
        self._context = library.Context(num_cores=cores, num_streams=min(setup.grid.streams, cores))
        if options.flag("single", default=False):
            shapes += [(length, 1) for length, batch in shapes if batch > 1]
        paths = {(batch, length): graphs.path(batch, length) for length, batch in shapes}
        graphs.release()
        compile_s = self._compile(library, paths, setup)
        fractions = {shape: float(engine.fraction_of_supported_ops) for shape, engine in self._engines.items()}
        warnings = _support_warnings(setup, min(fractions.values()), options) + cpu_warnings(cpu)
        details = {
            **{name: cpu.get(name) for name in ("isa", "vnni", "bf16", "dotprod")},
            "cores": self._context.num_cores,
            "streams": self._context.num_streams,
            "scheduler": self._context.scheduler.value,
            **self._shapes(),
            "supported_fraction": min(fractions.values()),
            "supported_fractions": {f"{batch}x{length}": value for (batch, length), value in fractions.items()},
            "compile_s": round(compile_s, 2),
            "model_sha256": graphs.sha256,
            "licence": LICENCE,
        }
        return EngineDescription(self.name, str(library.__version__), details, warnings)

    def _compile(self, library: Any, paths: dict[tuple[int, int], Path], setup: EngineSetup) -> float:
        """Make and warm up an engine for every shape, watching the memory; return the seconds that it took."""
        started_s = time.monotonic()
        largest_bytes = 0
        # The longest first: if it fits, the others do.
        for done, (batch, length) in enumerate(sorted(paths, key=lambda shape: (-shape[1], -shape[0]))):
            if done:
                check_room(largest_bytes, len(paths) - done, available_bytes())
            before = resident_bytes()
            try:
                engine = library.MultiModelEngine(str(paths[batch, length]), batch, self._context)
            except RuntimeError as error:
                raise trial.cannot_compile(
                    self.name, setup.model_path, (batch, length), trial.engine_words(str(error))
                ) from error
            self._engines[batch, length] = engine
            self._calls[batch, length] = bound_call(engine)
            for _ in range(WARM_UP_RUNS):
                self.run(full_inputs(batch, length))
            after = resident_bytes()
            if before is not None and after is not None:
                largest_bytes = max(largest_bytes, after - before)
        return time.monotonic() - started_s


def _one_by_one(
    call: Callable[[list[NDArray[Any]]], Any], signature: GraphSignature, arrays: list[NDArray[Any]]
) -> Prepared:
    """Arrange a batch that no engine was made for, for the engine that takes one sample."""
    rows = [[array[row : row + 1] for array in arrays] for row in range(len(arrays[0]))]

    def infer() -> Answer:
        try:
            outputs = [call(row) for row in rows]
        except RuntimeError as error:
            raise _failed(error) from error
        return lambda: np.concatenate([signature.logits(each, 1) for each in outputs])

    return infer


def _failed(error: RuntimeError) -> BackendError:
    return BackendError(f"deepsparse: the engine failed: {trial.engine_words(str(error))}")


def _try_in_child(setup: EngineSetup, shape: tuple[int, int], outcome: Path, options: EngineOptions) -> None:
    """Compile the grid's smallest shape where an abort does no harm, once for each model and machine."""
    length, batch = shape
    kept = {key: value for key, value in setup.options.items() if key != "trial_command"} | {"trial": False}
    smallest = replace(setup, grid=Grid((length,), (batch,)), cores=usable_cores(setup.cores), options=kept)
    trial.check(trial.Attempt("deepsparse", smallest, outcome, command=options.words("trial_command")))


def _support_warnings(setup: EngineSetup, lowest: float, options: EngineOptions) -> tuple[str, ...]:
    """Judge what share of the graph the optimised code covers; raise if less than half, and nobody allowed it."""
    if lowest < _REFUSE_BELOW and not options.flag("allow_unsupported", default=False):
        raise BackendError(
            f"model {setup.model_path}: deepsparse's optimised code covers only {lowest:.0%} of its operations, "
            "so this would measure something else; take the onnxruntime backend, another export of the model, "
            "or set the option allow_unsupported"
        )
    if lowest >= _WARN_BELOW:
        return ()
    covered = f"DeepSparse's optimised code covers only {lowest:.0%} of this model's operations"
    hint = "(a good export has 97 % or more): the rest runs slowly, and the result is lower than the engine could give."
    return (f"{covered} {hint}",)
