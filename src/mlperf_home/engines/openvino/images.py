"""Image classifiers in OpenVINO, from ONNX and TFLite files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import WARM_UP_RUNS, check_image_grid
from mlperf_home.engines.image_classifier import TensorFacts, read_image_classifier
from mlperf_home.engines.openvino import library
from mlperf_home.engines.openvino.requests import InferRequests
from mlperf_home.engines.tflite.model_file import check_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared
    from mlperf_home.engines.openvino.library import CompileChoices


class OpenedImages:
    """An image classifier, compiled for the batch of a grid.

    Attributes:
        details: the description for the session.
    """

    def __init__(
        self, module: Any, setup: EngineSetup, choices: CompileChoices, *, background: bool | None = None
    ) -> None:
        """Read, compile and warm up a model; raise BackendError if it does not fit the benchmark or the engine."""
        path, self._largest = setup.model_path, check_image_grid(setup.grid)
        if path.suffix == ".tflite":
            check_file(path)
        core = module.Core()
        model = library.read_model(core, path)
        inputs, outputs = ([_facts(port) for port in ports] for ports in (model.inputs, model.outputs))
        self._model = classifier = read_image_classifier(inputs, outputs, path, background=background)
        # A batch is inferred image by image, if the model was exported for one image.
        self._at_once = self._largest if classifier.batch in {None, self._largest} else 1
        if classifier.batch not in {None, self._at_once}:
            problem = f"exported for a batch of {classifier.batch}, not for {self._largest}"
            raise BackendError(f"model {path}: {problem}; export it with an open batch, or for one image")
        try:
            model.reshape({0: [self._at_once, *classifier.image]})
        except Exception as error:  # its exceptions share no public base
            raise library.refusal(path, error) from error
        compiled = library.compile_model(core, model, path, choices)
        self._requests = InferRequests(module, compiled, choices.streams, (classifier.position,))
        image = np.zeros((self._at_once, *classifier.image), dtype=classifier.dtype)
        for _ in range(choices.streams * WARM_UP_RUNS):
            self._requests.infer(self._requests.tensors([image]))
        self.details: Mapping[str, Any] = {
            **library.compiled_details(compiled), "batch_size": self._at_once, **classifier.details
        }  # fmt: skip

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare images in the form of the details' input; see `Backend.prepare`."""
        images, count = self._model.images(inputs, self._largest, full=self._at_once == self._largest)
        parts = [images[start : start + self._at_once] for start in range(0, len(images), self._at_once)]
        tensors = [self._requests.tensors([part]) for part in parts]

        def infer() -> Answer:
            scores = [self._requests.infer(each)[0] for each in tensors]
            return partial(self._answers, scores, count)

        return infer

    def _answers(self, scores: list[NDArray[Any]], count: int) -> NDArray[np.float32]:
        return self._model.answers(scores[0] if len(scores) == 1 else np.concatenate(scores), count)


def _facts(port: Any) -> TensorFacts:
    shape = tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    name = min(port.get_names(), default="")
    return TensorFacts(name, shape, np.dtype(port.get_element_type().to_dtype()).name)
