"""The backends for TFLite classifiers, tflite-runtime and LiteRT: one interpreter for each stream."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from mlperf_home.engines.base import BackendError, EngineDescription
from mlperf_home.engines.engine import WARM_UP_RUNS, BaseEngine, check_image_grid, first_line, usable_cores
from mlperf_home.engines.tflite import library as tflite_library
from mlperf_home.engines.tflite.classifier import ArrangedImages, ClassifierSignature, InterpreterCall, read_classifier
from mlperf_home.engines.tflite.library import Choices, TflitePackage
from mlperf_home.engines.tflite.model_file import check_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import EngineSetup, Prepared
    from mlperf_home.engines.engine import EngineOptions


class TfliteBackend(BaseEngine):
    """The backend for image classifiers with tflite-runtime.

    `run` returns the class of each image, (batch,) float32, 0 for the dataset's first class. If a model has 1001
    classes, its class 0 is the background and is ignored. Quantisation keeps the order of scores, so that scores need
    no dequantisation. A batch is inferred image by image, because models are exported for one image.

    Options: `threads` (the threads of one call; by default, the streams share the cores; the harness calibrates the
    threads of a single stream), `xnnpack` (false disables the default delegate), `delegate` (the path
    or the name of a delegate's shared library), `delegate_options` (the delegate's options: a list of "key=value").
    """

    name = "tflite"
    option_names = ("threads", "xnnpack", "delegate", "delegate_options")
    package: ClassVar[TflitePackage] = tflite_library.TFLITE

    def __init__(self) -> None:
        self._model: ClassifierSignature | None = None
        self._largest_batch = 1
        self._idle: queue.SimpleQueue[InterpreterCall] = queue.SimpleQueue()
        self._fork_safe = False

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare images, see `ClassifierSignature.images` and `Backend.prepare`."""
        model = self._model
        if model is None:
            raise self._not_open()
        images = model.images(inputs)
        if len(images) > self._largest_batch:
            problem = f"got a batch of {len(images)} images; the engine is prepared for 1 to {self._largest_batch}"
            raise BackendError(problem)
        return ArrangedImages(images, self._idle, model, self.name)

    def fork_safe(self) -> bool:
        """Whether no interpreter has threads of its own; see `Forkable.fork_safe`."""
        return self._fork_safe

    def keep_stream(self, stream: int, prepared: Mapping[int, Prepared]) -> Mapping[int, Prepared]:
        """Keep one interpreter; see `Forkable.keep_stream`."""
        call = [self._idle.get() for _ in range(self._idle.qsize())][stream]
        return {index: cast("ArrangedImages", images).for_interpreter(call) for index, images in prepared.items()}

    def close(self) -> None:
        """Release the interpreters; see `Backend.close`."""
        self._model = None
        self._idle = queue.SimpleQueue()

    def _take_grid(self, grid: Grid) -> None:
        self._largest_batch = check_image_grid(grid)

    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        cores = usable_cores(setup.cores)
        streams = setup.grid.streams
        threads = options.count("threads")
        choices = Choices(
            threads or max(1, cores // streams),
            options.flag("xnnpack", default=True),
            options.text("delegate"),
            tuple(options.words("delegate_options") or ()),
        )
        check_file(setup.model_path)
        library, version = tflite_library.load(self.package)
        before = tflite_library.mapped_libraries()
        self._fork_safe = choices.threads == 1 and choices.delegate is None
        interpreters = [tflite_library.make_interpreter(library, setup.model_path, choices) for _ in range(streams)]
        for interpreter in interpreters:
            self._model, call = self._warmed_up(interpreter, setup.model_path)
            self._idle.put(call)
        model = cast("ClassifierSignature", self._model)
        delegated = tflite_library.delegated(interpreters[0])
        details = {
            "cores": cores,
            "streams": streams,
            "threads_per_stream": choices.threads,
            "xnnpack": choices.xnnpack,
            "delegate": choices.delegate,
            "delegate_options": list(choices.delegate_options),
            "delegated": delegated,
            "input": model.image.to_json(),
            "output": model.scores.to_json(),
            "classes": model.classes,
            "background": model.background,
        }
        files = tflite_library.delegate_files(choices.delegate, before) if choices.delegate else ()
        return EngineDescription(self.name, version, details, self._warnings(choices, delegated=delegated), files)

    def _warmed_up(self, interpreter: Any, path: Path) -> tuple[ClassifierSignature, InterpreterCall]:
        """Warm up a new interpreter; return its model and its call."""
        model = read_classifier(interpreter.get_input_details(), interpreter.get_output_details(), path)
        call, image = InterpreterCall(interpreter, model), np.zeros(model.image.shape, dtype=model.image.dtype)
        try:
            for _ in range(WARM_UP_RUNS):
                scores = call(image)
        except (ValueError, RuntimeError) as error:
            raise BackendError(
                f"{self.name}: the model cannot be run ({first_line(error)}); use another model"
            ) from error
        if scores.shape != model.scores.shape:  # the shape of an output may be known after a run only
            model = read_classifier(interpreter.get_input_details(), interpreter.get_output_details(), path)
            call = InterpreterCall(interpreter, model)
        return model, call

    def _warnings(self, choices: Choices, *, delegated: bool | None) -> tuple[str, ...]:
        if delegated is not False or not (choices.xnnpack or choices.delegate):
            return ()
        name = choices.delegate or "XNNPACK"
        hint = "; the litert backend may be several times as fast" if self.package is tflite_library.TFLITE else ""
        return (f"{self.package.distribution} runs no part of this model with {name}{hint}.",)


class LiteRtBackend(TfliteBackend):
    """The backend for image classifiers with ai-edge-litert, TFLite's successor, several times as fast on x86."""

    name = "litert"
    package = tflite_library.LITERT
