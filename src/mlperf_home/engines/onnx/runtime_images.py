"""Image classifiers in onnxruntime."""

from __future__ import annotations

import queue
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError, EngineDescription
from mlperf_home.engines.callers import kept_on, stream_of_caller
from mlperf_home.engines.engine import WARM_UP_RUNS, BaseEngine, check_image_grid, usable_cores
from mlperf_home.engines.image_classifier import ImageClassifier, TensorFacts, read_image_classifier
from mlperf_home.engines.onnx.runtime_sessions import load_onnxruntime, make_session, run_session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared
    from mlperf_home.engines.engine import EngineOptions


class OnnxRuntimeImages(BaseEngine):
    """The onnxruntime backend for grids without lengths; see `OnnxRuntimeBackend`.

    A batch is inferred image by image if the model was exported for one image.
    """

    name = "onnxruntime"
    option_names = ("threads", "background")

    def __init__(self) -> None:
        self._model: ImageClassifier | None = None
        self._names = ("", "")
        self._largest = self._at_once = 1
        # Idle sessions: one has one caller at a time, because its threads serve one call. A placed session belongs to
        # the thread of its stream.
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._of_stream: tuple[Any, ...] = ()

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare images in the form of the details' input; see `Backend.prepare`."""
        model = self._model
        if model is None:
            raise self._not_open()
        images, count = model.images(inputs, self._largest, full=model.batch == self._largest)
        parts = [images[start : start + self._at_once] for start in range(0, len(images), self._at_once)]

        def infer() -> Answer:
            stream = stream_of_caller() if self._of_stream else None
            session = self._idle.get() if stream is None else self._of_stream[stream]
            try:
                scores = [self._call(session, part) for part in parts]
            finally:
                if stream is None:
                    self._idle.put(session)
            return partial(_answers, model, scores, count)

        return infer

    def close(self) -> None:
        """Release the sessions; see `Backend.close`."""
        self._model = None
        self._idle = queue.SimpleQueue()
        self._of_stream = ()

    def _take_grid(self, grid: Grid) -> None:
        self._largest = check_image_grid(grid)

    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        library, path = load_onnxruntime(), setup.model_path
        cores = usable_cores(setup.cores)
        streams = setup.grid.streams
        threads = options.count("threads") or max(1, cores // streams)
        background = options.flag("background", default=False) if "background" in setup.options else None
        sessions = []
        for stream in range(streams):
            # The memory of a session lies on the node of the thread that first writes it.
            with kept_on(setup.places[stream]) if setup.places else nullcontext():
                session = make_session(library, path, threads=threads, model_path=path)
                model = self._model or self._read(session, path, background=background)
                images = np.zeros((self._at_once, *model.image), dtype=model.dtype)
                for _ in range(WARM_UP_RUNS):
                    self._call(session, images)
            sessions.append(session)
            self._idle.put(session)
        self._of_stream = tuple(sessions) if setup.places else ()
        details = {
            "providers": ["CPUExecutionProvider"],
            "cores": cores,
            "streams": streams,
            "threads_per_stream": threads,
            "batch_size": self._at_once,
            "output": self._names[1],
            **model.details,
        }
        return EngineDescription(self.name, str(library.__version__), details)

    def _read(self, session: Any, path: Path, *, background: bool | None) -> ImageClassifier:
        """Read the input and the output of a session's model, and how many images it takes at once."""
        inputs, outputs = (
            [_facts(each) for each in values] for values in (session.get_inputs(), session.get_outputs())
        )
        model = read_image_classifier(inputs, outputs, path, background=background)
        self._at_once = self._largest if model.batch in {None, self._largest} else 1
        if model.batch not in {None, self._at_once}:
            problem = f"exported for a batch of {model.batch}, not for {self._largest}"
            raise BackendError(f"model {path}: {problem}; export it with an open batch, or for one image")
        self._names = inputs[0].name, outputs[model.position].name
        self._model = model
        return model

    def _call(self, session: Any, images: NDArray[Any]) -> NDArray[Any]:
        image, output = self._names
        scores: NDArray[Any] = run_session(session, (output,), {image: images})[0]
        return scores


def _answers(model: ImageClassifier, scores: list[NDArray[Any]], count: int) -> NDArray[np.float32]:
    return model.answers(scores[0] if len(scores) == 1 else np.concatenate(scores), count)


def _facts(value: Any) -> TensorFacts:
    """Return the facts of a session's input or output; an open dimension has a name or none."""
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    kind = value.type.removeprefix("tensor(").removesuffix(")")
    return TensorFacts(value.name, shape, {"float": "float32", "double": "float64"}.get(kind, kind))
