"""The DeepSparse backend: one engine for each shape of the grid, all with one scheduler."""

from __future__ import annotations

import importlib
import os
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines import trial
from mlperf_home.engines.base import BackendError, EngineDescription
from mlperf_home.engines.engine import WARM_UP_RUNS, QuestionAnswering, fill, full_inputs, locate, usable_cores
from mlperf_home.engines.memory import available_bytes, resident_bytes
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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
    """Import the module `deepsparse` without its usage reports.

    Raises:
        BackendError: it is not installed, or does not support this CPU or Python.
    """
    # By default, the import locates the machine over the network and reports its use, without a timeout. The variable
    # is read only during the import.
    os.environ["NM_DISABLE_ANALYTICS"] = "1"
    # This variable makes int8 faster and less accurate on old CPUs, which would change results silently.
    os.environ.pop("NM_FAST_VNNI_EMULATION", None)
    try:
        return importlib.import_module("deepsparse")
    except ModuleNotFoundError as error:
        python = sys.version_info[:2]
        if error.name != "deepsparse":
            reason = f"cannot be imported: the package {error.name} is missing; install deepsparse=={VERSION} again"
        elif python > _LATEST_PYTHON:
            reason = f"is not installed and has no wheels for Python {python[0]}.{python[1]}; "
            reason += "use CPython 3.8 to 3.11, or the onnxruntime backend"
        else:
            reason = f"is not installed in {sys.prefix}; install deepsparse=={VERSION}"
        raise BackendError(f"deepsparse {reason}") from error
    except (ImportError, OSError) as error:
        # Its CPU probe raises OSError for an unknown instruction set.
        raise BackendError(
            f"deepsparse cannot run on this machine ({error}): it needs Linux on a CPU with AVX2, AVX-512 "
            "or Arm NEON; use the onnxruntime backend"
        ) from error


def bound_call(engine: Any) -> Callable[[list[NDArray[Any]]], Any]:
    """Return the compiled function behind an engine's `run`.

    In the pinned version 1.8.0, `Engine.run(arrays, val_inp=False)` only calls this function. After an inference has
    emptied the caches, the Python code of `run` costs several microseconds.
    """
    compiled = getattr(engine, "_eng_net", None)
    if compiled is None:
        return lambda arrays: engine.run(arrays, val_inp=False)
    call: Callable[[list[NDArray[Any]]], Any] = compiled.execute_list_out
    return call


def instruction_set(cpu: Mapping[str, Any]) -> str:
    """Return the name of the instruction set with its extensions, for example "avx512_vnni"."""
    extensions = [name for name in ("vnni", "dotprod", "i8mm", "bf16") if cpu.get(name)]
    return "_".join([str(cpu.get("isa", "unknown")), *extensions])


def cpu_warnings(cpu: Mapping[str, Any]) -> tuple[str, ...]:
    """Return warnings about missing instructions that lower a result; empty if the CPU has all of them."""
    isa = str(cpu.get("isa", "unknown"))
    emulated = (
        "int8 models are emulated with wider arithmetic and run several times slower; "
        "do not compare the result with machines that have these instructions"
    )
    if isa in {"neon", "sve"}:
        no_dotprod = f"This Arm CPU has no dot product instructions (asimddp): {emulated}."
        return () if cpu.get("dotprod") else (no_dotprod,)
    if isa not in {"avx2", "avx512"}:
        problem = f"DeepSparse has no code for this CPU's instruction set ({isa}), only for AVX2, AVX-512 and NEON"
        return (f"{problem}: the result is not representative of the engine.",)
    narrow = (
        "This CPU has AVX2 but no AVX-512 that DeepSparse uses: vectors are half as wide, "
        "and results are lower than published ones of AVX-512 machines."
    )
    warnings = [narrow] if isa == "avx2" else []
    return tuple(warnings if cpu.get("vnni") else [*warnings, f"This CPU has no VNNI instructions: {emulated}."])


def check_memory(largest_bytes: int, remaining: int, free_bytes: int | None) -> None:
    """Check that `remaining` more engines of the largest size fit into memory, before the kernel kills the process.

    Raises:
        BackendError: the engines do not fit into `free_bytes`; never raised if that is unknown.
    """
    if free_bytes is None or remaining * largest_bytes <= free_bytes:
        return
    fit = free_bytes // max(1, largest_bytes)
    raise BackendError(
        f"{remaining} more engines of about {largest_bytes / _GIB:.1f} GiB each do not fit into "
        f"{free_bytes / _GIB:.1f} GiB of free memory (about {fit} do); use fewer sequence lengths, "
        "for example DEEPSPARSE_SEQLENS=192,384"
    )


class DeepSparseBackend(QuestionAnswering):
    """The DeepSparse backend.

    Options: `allow_unsupported` (run graphs that the optimised code mostly does not cover), `trial` (false skips the
    trial compile in a child process), `single` (also prepare batches of 1 for partial batches, at the cost of a second
    engine for each length), `trial_command` (the child's command, for tests), `outputs` (the start's and
    the end's output, see `mlperf_home.engines.onnx.outputs`).
    """

    name = "deepsparse"
    option_names = ("allow_unsupported", "trial", "single", "trial_command", "outputs")

    def __init__(self) -> None:
        super().__init__()
        self._engines: dict[tuple[int, int], Any] = {}
        # The compiled functions of the engines by shape, see `bound_call`.
        self._calls: dict[tuple[int, int], Callable[[list[NDArray[Any]]], Any]] = {}
        self._signature: GraphSignature | None = None
        self._context: Any = None

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch; see `Backend.prepare`."""
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
        # The engines use the context's threads, so they are released first.
        self._calls.clear()
        self._engines.clear()
        self._context = None

    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        graphs = FixedShapeGraphs(setup.model_path, setup.work_dir, options.text("outputs"))
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
        compile_s = self._compile(library, paths, setup, graphs.signature)
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
            **graphs.signature.outputs.details,
            "licence": LICENCE,
        }
        return EngineDescription(self.name, str(library.__version__), details, warnings)

    def _compile(
        self, library: Any, paths: dict[tuple[int, int], Path], setup: EngineSetup, signature: GraphSignature
    ) -> float:
        """Compile and warm up an engine for every shape, checking the memory; return the duration in seconds."""
        started_s = time.monotonic()
        largest_bytes = 0
        # The longest shape comes first, because it needs the most memory.
        for done, (batch, length) in enumerate(sorted(paths, key=lambda shape: (-shape[1], -shape[0]))):
            if done:
                check_memory(largest_bytes, len(paths) - done, available_bytes())
            before = resident_bytes()
            try:
                engine = library.MultiModelEngine(str(paths[batch, length]), batch, self._context)
            except RuntimeError as error:
                raise trial.compile_error(
                    self.name, setup.model_path, (batch, length), trial.error_line(str(error))
                ) from error
            self._engines[batch, length] = engine
            self._calls[batch, length] = bound_call(engine)
            self._warm_up((batch, length), signature, setup.model_path)
            after = resident_bytes()
            if before is not None and after is not None:
                largest_bytes = max(largest_bytes, after - before)
        return time.monotonic() - started_s

    def _warm_up(self, shape: tuple[int, int], signature: GraphSignature, model_path: Path) -> None:
        arrays = signature.arrange(full_inputs(*shape))
        try:
            for _ in range(WARM_UP_RUNS):
                signature.check_outputs(self._calls[shape](arrays), *shape, model_path)
        except RuntimeError as error:
            raise _failed(error) from error


def _one_by_one(
    call: Callable[[list[NDArray[Any]]], Any], signature: GraphSignature, arrays: list[NDArray[Any]]
) -> Prepared:
    """Prepare a partial batch for the engine that infers one sample."""
    rows = [[array[row : row + 1] for array in arrays] for row in range(len(arrays[0]))]

    def infer() -> Answer:
        try:
            outputs = [call(row) for row in rows]
        except RuntimeError as error:
            raise _failed(error) from error
        return lambda: np.concatenate([signature.logits(output, 1) for output in outputs])

    return infer


def _failed(error: RuntimeError) -> BackendError:
    return BackendError(f"deepsparse: the engine failed: {trial.error_line(str(error))}")


def _try_in_child(setup: EngineSetup, shape: tuple[int, int], outcome: Path, options: EngineOptions) -> None:
    """Compile the smallest shape in a child process, which may abort, once for each model and machine."""
    length, batch = shape
    kept = {key: value for key, value in setup.options.items() if key != "trial_command"} | {"trial": False}
    smallest = replace(setup, grid=Grid((length,), (batch,)), cores=usable_cores(setup.cores), options=kept)
    trial.check(trial.Attempt("deepsparse", smallest, outcome, command=options.words("trial_command")))


def _support_warnings(setup: EngineSetup, lowest: float, options: EngineOptions) -> tuple[str, ...]:
    """Return warnings for a graph that the optimised code covers partly.

    Raises:
        BackendError: it covers less than half of the graph, and the option allow_unsupported is not set.
    """
    if lowest < _REFUSE_BELOW and not options.flag("allow_unsupported", default=False):
        raise BackendError(
            f"model {setup.model_path}: deepsparse's optimised code covers only {lowest:.0%} of its operations, "
            "so the result would not represent it; use the onnxruntime backend, another export of the model, "
            "or the option allow_unsupported"
        )
    if lowest >= _WARN_BELOW:
        return ()
    covered = f"DeepSparse's optimised code covers only {lowest:.0%} of this model's operations"
    hint = "(a good export has 97 % or more): the others run slowly, and the result is lower than possible."
    return (f"{covered} {hint}",)
