"""The onnxruntime backend, for any CPU and any Python: one session for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx.runtime_images import OnnxRuntimeImages
from mlperf_home.engines.onnx.runtime_questions import OnnxRuntimeQuestions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import EngineDescription, EngineSetup, Prepared
    from mlperf_home.engines.engine import BaseEngine


class OnnxRuntimeBackend:
    """The onnxruntime backend: a grid with lengths needs a BERT model, one without an image classifier.

    Options of both: `threads` (the threads of one session).

    Options of BERT models: `fixed_shapes` (a session for each shape of the grid, for which the runtime plans its
    memory, instead of one dynamic session; always on for models exported with a fixed shape), `outputs` (the start's
    and the end's output, see `mlperf_home.engines.onnx.outputs`).

    Option of classifiers: `background` (whether class 0 is the background, if the model's only output holds classes).
    """

    def __init__(self) -> None:
        self._opened: BaseEngine | None = None

    def open(self, setup: EngineSetup) -> EngineDescription:
        """Open the engine for questions or for images; see `Backend.open`."""
        self._opened = OnnxRuntimeQuestions() if setup.grid.lengths else OnnxRuntimeImages()
        return self._opened.open(setup)

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch; see `Backend.run`."""
        return self.prepare(inputs)()()

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch; see `Backend.prepare`."""
        if self._opened is None:
            raise BackendError("onnxruntime: the engine is not open; open it first")
        return self._opened.prepare(inputs)

    def close(self) -> None:
        """Release the engine; see `Backend.close`."""
        if self._opened is not None:
            self._opened.close()
