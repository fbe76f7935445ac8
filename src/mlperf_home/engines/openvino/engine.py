"""The OpenVINO backend, for dense BERT models and for image classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mlperf_home.engines.base import EngineDescription
from mlperf_home.engines.engine import BaseEngine, check_grid, check_image_grid, usable_cores
from mlperf_home.engines.openvino import library
from mlperf_home.engines.openvino.images import OpenedImages
from mlperf_home.engines.openvino.questions import OpenedQuestions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import EngineSetup, Prepared
    from mlperf_home.engines.engine import EngineOptions

_MOST_COPIES_BYTES = 1 << 30


class _Opened(Protocol):
    details: Mapping[str, Any]

    def prepare(self, inputs: Inputs) -> Prepared: ...


class OpenVinoBackend(BaseEngine):
    """The OpenVINO backend.

    A grid with lengths needs a BERT model in ONNX, one without an image classifier in ONNX or TFLite.

    Options: `precision` (the type in which floats are multiplied, "f32", "bf16" or "f16", instead of the engine's
    choice for this CPU), `threads` (the threads of one request; by default, the streams share the cores), `pinning`
    (whether each thread stays on a core), `fixed_shapes` (compile a BERT model for each shape of the grid; the default
    for one stream and a small model), `outputs` (the start's and the end's output, see
    `mlperf_home.engines.onnx.outputs`), `background` (whether class 0 of an image classifier is the background, if its
    outputs do not tell).
    """

    name = "openvino"
    option_names = ("precision", "threads", "pinning", "fixed_shapes", "outputs", "background")

    def __init__(self) -> None:
        self._opened: _Opened | None = None

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch; see `Backend.prepare`."""
        if self._opened is None:
            raise self._not_open()
        return self._opened.prepare(inputs)

    def close(self) -> None:
        """Release the compiled models; see `Backend.close`."""
        self._opened = None

    def _take_grid(self, grid: Grid) -> None:
        check_grid(grid) if grid.lengths else check_image_grid(grid)

    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        module, cores = library.load(), usable_cores(setup.cores)
        streams = min(setup.grid.streams, cores)
        choices = library.CompileChoices(
            precision=library.read_precision(options),
            streams=streams,
            threads=options.count("threads") or max(1, cores // streams),
            pinning=_flag(setup, options, "pinning"),
        )
        if setup.grid.lengths:
            fixed = options.flag("fixed_shapes", default=streams == 1 and _copies_are_small(setup))
            self._opened = OpenedQuestions(module, setup, choices, fixed=fixed, outputs=options.text("outputs"))
        else:
            background = _flag(setup, options, "background")
            self._opened = OpenedImages(module, setup, choices, background=background)
        details = {"cores": cores, "threads_per_stream": choices.threads, **self._opened.details}
        return EngineDescription(self.name, str(module.__version__).partition("-")[0], details)


def _copies_are_small(setup: EngineSetup) -> bool:
    """Whether weights for each length cost little memory: one stream is then faster by a tenth than with open shapes.

    Several streams are slower so, because each compiled model has threads of its own.
    """
    try:
        return setup.model_path.stat().st_size * len(setup.grid.lengths) <= _MOST_COPIES_BYTES
    except OSError:  # reading the model reports it
        return False


def _flag(setup: EngineSetup, options: EngineOptions, name: str) -> bool | None:
    """Return a boolean option, or None without it."""
    return options.flag(name, default=False) if name in setup.options else None
