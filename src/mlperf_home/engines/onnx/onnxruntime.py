"""onnxruntime: any CPU, any Python; one session for each stream."""

from __future__ import annotations

import importlib
import queue
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError, Description
from mlperf_home.engines.batching import check_grid, fill, locate
from mlperf_home.engines.cores import usable_cores
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs
from mlperf_home.engines.options import Options

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, Prepared, Request
    from mlperf_home.engines.onnx.graph import Signature

_WARM_UP_RUNS = 2


class OnnxRuntimeBackend:
    """onnxruntime behind `mlperf_home.engines.base.Backend`.

    Options: `fixed_shapes` (a session for each shape of the grid, which lets the runtime plan its memory,
    in place of one that takes any; models exported for one shape always get it), `threads` (in one session).
    """

    def __init__(self) -> None:
        self._largest_batch: dict[int, int] = {}
        self._signature: Signature | None = None
        self._outputs: list[str] = []
        # Sessions by length, each used by one caller at a time: the threads inside a
        # session serve one call, and a second caller would only wait for them.
        self._idle: dict[int, queue.SimpleQueue[Any]] = {}
        self._fills = False

    def open(self, request: Request) -> Description:
        """Make the sessions and run each once; see `Backend.open`."""
        try:
            return self._open(request)
        except BaseException:
            self.close()
            raise

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch; see `Backend.run`."""
        return self.prepare(inputs)()()

    def prepare(self, inputs: Inputs) -> Prepared:
        """Arrange one batch; see `Backend.prepare`."""
        signature = self._signature
        if signature is None:
            raise BackendError("onnxruntime: the engine is not open")
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

    def _open(self, request: Request) -> Description:
        """What `open` does, but for clearing up."""
        options = Options("onnxruntime", request.options)
        options.only("fixed_shapes", "threads")
        self._largest_batch = check_grid(request.grid)
        graphs = FixedShapeGraphs(request.model_path, request.work_dir)
        library = _import()
        cores = usable_cores(request.cores)
        streams = min(request.grid.streams, cores)
        threads = options.count("threads") or max(1, cores // streams)
        self._signature = graphs.signature
        self._fills = options.flag("fixed_shapes", default=False) or graphs.signature.fixed_shape != (None, None)
        if self._fills:
            paths = {length: graphs.path(batch, length) for length, batch in self._largest_batch.items()}
        else:
            paths = dict.fromkeys(self._largest_batch, request.model_path)
        sha256 = graphs.sha256
        graphs.release()
        sessions = {
            path: [_session(library, path, threads, request.model_path) for _ in range(streams)]
            for path in set(paths.values())
        }
        shared: dict[Path, queue.SimpleQueue[Any]] = {path: queue.SimpleQueue() for path in sessions}
        for length, path in paths.items():
            self._idle[length] = shared[path]
            for session in sessions[path]:
                self._warm_up(session, length)
        for path, made in sessions.items():
            for session in made:
                shared[path].put(session)
        details = {
            "providers": ["CPUExecutionProvider"],
            "cores": cores,
            "streams": streams,
            "threads_per_stream": threads,
            "shapes": "fixed" if self._fills else "dynamic",
            "lengths": list(self._largest_batch),
            "batch_sizes": list(self._largest_batch.values()),
            "model_sha256": sha256,
        }
        return Description("onnxruntime", str(library.__version__), details)

    def _warm_up(self, session: Any, length: int) -> None:
        """Run a new session, so that no timed call is its first."""
        ones = np.ones((self._largest_batch[length], length), dtype=np.int64)
        if self._signature is not None:
            arrays = self._signature.arrange((ones, ones, np.zeros_like(ones)))
            for _ in range(_WARM_UP_RUNS):
                _call(session, self._signature, arrays)


def _import() -> Any:
    """Import the runtime.

    Raises:
        BackendError: it is absent or broken.
    """
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise BackendError(f"onnxruntime cannot be imported ({error}); install onnxruntime") from error


def _session(library: Any, path: Path, threads: int, model_path: Path) -> Any:
    """Make a session of its own threads.

    Raises:
        BackendError: the runtime refuses the model.
    """
    settings = library.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3  # errors only: its warnings are for whoever made the model
    try:
        return library.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no public base
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackendError(
            f"model {model_path}: onnxruntime refuses it ({words}); export it again, for opset 13 to 17"
        ) from error


def _call(session: Any, signature: Signature, arrays: list[NDArray[Any]]) -> Any:
    """Run a session; its outputs come in the graph's order."""
    names = [each.name for each in signature.inputs]
    try:
        return session.run(None, dict(zip(names, arrays, strict=True)))
    except Exception as error:  # its exceptions share no public base
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackendError(f"onnxruntime: the model cannot be run ({words})") from error
