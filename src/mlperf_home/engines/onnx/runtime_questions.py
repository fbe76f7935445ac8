"""BERT models for question answering in onnxruntime."""

from __future__ import annotations

import queue
from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import EngineDescription
from mlperf_home.engines.engine import (
    WARM_UP_RUNS,
    QuestionAnswering,
    fill,
    full_inputs,
    locate,
    usable_cores,
)
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs
from mlperf_home.engines.onnx.runtime_sessions import load_onnxruntime, make_session, run_session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared
    from mlperf_home.engines.engine import EngineOptions
    from mlperf_home.engines.onnx.graph import GraphSignature


class OnnxRuntimeQuestions(QuestionAnswering):
    """The onnxruntime backend for grids with lengths; see `OnnxRuntimeBackend`."""

    name = "onnxruntime"
    option_names = ("fixed_shapes", "threads", "outputs")

    def __init__(self) -> None:
        super().__init__()
        self._signature: GraphSignature | None = None
        # Idle sessions by length. A session has one caller at a time: its threads serve one call, for which a second
        # caller would have to wait.
        self._idle: dict[int, queue.SimpleQueue[Any]] = {}
        self._fills = False

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch; see `Backend.prepare`."""
        signature = self._signature
        if signature is None:
            raise self._not_open()
        batch, length = locate(inputs, self._largest_batch)
        arrays = signature.arrange(inputs)
        if self._fills:
            arrays = [fill(array, self._largest_batch[length]) for array in arrays]
        idle = self._idle[length]

        def infer() -> Answer:
            session = idle.get()
            try:
                outputs = _call(session, signature, arrays)
            finally:
                idle.put(session)
            return partial(signature.logits, outputs, batch)

        return infer

    def close(self) -> None:
        """Release the sessions; see `Backend.close`."""
        self._signature = None
        self._idle = {}

    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        graphs = FixedShapeGraphs(setup.model_path, setup.work_dir, options.text("outputs"))
        library = load_onnxruntime()
        cores = usable_cores(setup.cores)
        streams = min(setup.grid.streams, cores)
        threads = options.count("threads") or max(1, cores // streams)
        self._signature = signature = graphs.signature
        self._fills = options.flag("fixed_shapes", default=False) or signature.fixed_shape != (None, None)
        paths = {
            length: graphs.path(batch, length) if self._fills else setup.model_path
            for length, batch in self._largest_batch.items()
        }
        graphs.release()
        make = partial(make_session, library, threads=threads, model_path=setup.model_path)
        sessions = {path: [make(path) for _ in range(streams)] for path in set(paths.values())}
        shared: dict[Path, queue.SimpleQueue[Any]] = {path: queue.SimpleQueue() for path in sessions}
        for length, path in paths.items():
            self._idle[length] = shared[path]
            batch = self._largest_batch[length]
            arrays = signature.arrange(full_inputs(batch, length))
            for session in sessions[path] * WARM_UP_RUNS:
                signature.check_outputs(_call(session, signature, arrays), batch, length, setup.model_path)
        for path, idle in sessions.items():
            for session in idle:
                shared[path].put(session)
        details = {
            "providers": ["CPUExecutionProvider"],
            "cores": cores,
            "streams": streams,
            "threads_per_stream": threads,
            "shapes": "fixed" if self._fills else "dynamic",
            **self._shapes(),
            "model_sha256": graphs.sha256,
            **signature.outputs.details,
        }
        return EngineDescription(self.name, str(library.__version__), details)


def _call(session: Any, signature: GraphSignature, arrays: list[NDArray[Any]]) -> Any:
    """Run a session; return its outputs in the graph's order."""
    names = [model_input.name for model_input in signature.inputs]
    return run_session(session, None, dict(zip(names, arrays, strict=True)))
