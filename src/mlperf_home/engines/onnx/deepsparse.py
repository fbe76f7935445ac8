"""DeepSparse: one engine for each shape of the grid, all on one scheduler."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines import trial
from mlperf_home.engines.base import BackendError, Description, Grid
from mlperf_home.engines.batching import QuestionAnswering, fill, full_inputs, locate
from mlperf_home.engines.cores import usable_cores
from mlperf_home.engines.engine import WARM_UP_RUNS
from mlperf_home.engines.onnx import deepsparse_library as deepsparse_lib
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, Prepared, Request
    from mlperf_home.engines.engine import Options
    from mlperf_home.engines.onnx.graph import Signature

_REFUSE_BELOW = 0.5
_WARN_BELOW = 0.9


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
        self._signature: Signature | None = None
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

    def _open(self, request: Request, options: Options) -> Description:
        graphs = FixedShapeGraphs(request.model_path, request.work_dir)
        library = deepsparse_lib.load()
        cpu = deepsparse_lib.architecture(library)
        cores = usable_cores(request.cores)
        shapes = list(self._largest_batch.items())
        if options.flag("trial", default=True):
            name = f"{graphs.sha256[:16]}-trial-deepsparse-{library.__version__}-{deepsparse_lib.instruction_set(cpu)}"
            _try_in_child(request, shapes[0], request.work_dir / f"{name}.json", options)
        self._signature = graphs.signature
        self._context = library.Context(num_cores=cores, num_streams=min(request.grid.streams, cores))
        if options.flag("single", default=False):
            shapes += [(length, 1) for length, batch in shapes if batch > 1]
        paths = {(batch, length): graphs.path(batch, length) for length, batch in shapes}
        graphs.release()
        compile_s = self._compile(library, paths, request)
        fractions = {shape: float(engine.fraction_of_supported_ops) for shape, engine in self._engines.items()}
        warnings = _support_warnings(request, min(fractions.values()), options) + deepsparse_lib.cpu_warnings(cpu)
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
            "licence": deepsparse_lib.LICENCE,
        }
        return Description(self.name, str(library.__version__), details, warnings)

    def _compile(self, library: Any, paths: dict[tuple[int, int], Path], request: Request) -> float:
        """Make and warm up an engine for every shape, watching the memory; return the seconds that it took."""
        started_s = time.monotonic()
        largest_bytes = 0
        # The longest first: if it fits, the others do.
        for done, (batch, length) in enumerate(sorted(paths, key=lambda shape: (-shape[1], -shape[0]))):
            if done:
                deepsparse_lib.check_room(largest_bytes, len(paths) - done, deepsparse_lib.available_bytes())
            before = deepsparse_lib.resident_bytes()
            try:
                engine = library.MultiModelEngine(str(paths[batch, length]), batch, self._context)
            except RuntimeError as error:
                raise trial.cannot_compile(
                    self.name, request.model_path, (batch, length), trial.engine_words(str(error))
                ) from error
            self._engines[batch, length] = engine
            self._calls[batch, length] = deepsparse_lib.bound_call(engine)
            for _ in range(WARM_UP_RUNS):
                self.run(full_inputs(batch, length))
            after = deepsparse_lib.resident_bytes()
            if before is not None and after is not None:
                largest_bytes = max(largest_bytes, after - before)
        return time.monotonic() - started_s


def _one_by_one(
    call: Callable[[list[NDArray[Any]]], Any], signature: Signature, arrays: list[NDArray[Any]]
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


def _try_in_child(request: Request, shape: tuple[int, int], outcome: Path, options: Options) -> None:
    """Compile the grid's smallest shape where an abort does no harm, once for each model and machine."""
    length, batch = shape
    kept = {key: value for key, value in request.options.items() if key != "trial_command"}
    smallest = replace(
        request, grid=Grid((length,), (batch,)), cores=usable_cores(request.cores), options={**kept, "trial": False}
    )
    trial.check(trial.Attempt("deepsparse", smallest, outcome, command=options.words("trial_command")))


def _support_warnings(request: Request, lowest: float, options: Options) -> tuple[str, ...]:
    """Judge how much of the graph the optimised code covers, from 0 to 1.

    Raises:
        BackendError: less than half, and nobody allowed it.
    """
    if lowest < _REFUSE_BELOW and not options.flag("allow_unsupported", default=False):
        raise BackendError(
            f"model {request.model_path}: deepsparse's optimised code covers only {lowest:.0%} of its operations, "
            "so this would measure something else; take the onnxruntime backend, another export of the model, "
            "or set the option allow_unsupported"
        )
    if lowest >= _WARN_BELOW:
        return ()
    sentence = (
        f"DeepSparse's optimised code covers only {lowest:.0%} of this model's operations (a good export has "
        "97 % or more): the rest runs slowly, and the result is lower than the engine could give."
    )
    return (sentence,)
