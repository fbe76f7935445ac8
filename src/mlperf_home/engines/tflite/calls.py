"""One inference of a TFLite classifier, with whichever interpreter is idle or with one alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from queue import SimpleQueue

    from numpy.typing import NDArray

    from mlperf_home.engines.base import Answer, Prepared
    from mlperf_home.engines.tflite.classifier import Classifier


class Inference:
    """One inference: called with an image, (1, height, width, channels), it returns the scores.

    Attributes:
        parts: the interpreter's methods that set a tensor, invoke and get a tensor, bound, and the numbers of the
            image's tensor and of the scores'; the copy of the scores has the output's shape.
    """

    def __init__(self, interpreter: Any, model: Classifier) -> None:
        self.parts: tuple[Any, Any, Any, int, int] = (
            interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor, model.image.index, model.scores.index
        )  # fmt: skip

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        """Infer one image."""
        set_tensor, invoke, get_tensor, image, scores = self.parts
        set_tensor(image, array)
        invoke()
        made: NDArray[Any] = get_tensor(scores)
        return made


class ArrangedImages:
    """One batch of images, as the interpreters take it; called, it is inferred by one that is idle.

    Args:
        images: (batch, height, width, channels), of the model's own type.
        idle: an inference for each interpreter; what is taken from it is put back.
        model: what the model gives.
        engine: the engine's name, for messages.
    """

    def __init__(self, images: NDArray[Any], idle: SimpleQueue[Inference], model: Classifier, engine: str) -> None:
        self._rows = [images[row : row + 1] for row in range(len(images))]
        self._take, self._give_back = idle.get, idle.put
        self._background, self._engine = model.background, engine

    def __call__(self) -> Answer:
        """Infer the batch.

        Raises:
            BackendError: the engine refuses.
        """
        inference = self._take()
        try:
            scores = list(map(inference, self._rows))
        except (ValueError, RuntimeError) as error:
            raise self._refused(error) from error
        finally:
            self._give_back(inference)
        return partial(classes_of, scores, self._background)

    def with_only(self, inference: Inference) -> Prepared:
        """Return the same for a batch of one image and one interpreter, which nobody else calls.

        What Python does here is done between any two inferences, and with a model of 30 us each tenth of a us counts:
        so nothing is called that can be written out.
        """
        (row,) = self._rows
        set_tensor, invoke, get_tensor, image, scores = inference.parts
        background, refused = self._background, self._refused

        def infer() -> Answer:
            try:
                set_tensor(image, row)
                invoke()
                return partial(classes_of, (get_tensor(scores),), background)
            except (ValueError, RuntimeError) as error:
                raise refused(error) from error

        return infer

    def _refused(self, error: Exception) -> BackendError:
        return BackendError(f"{self._engine}: the model cannot be run ({first_line(error)})")


def classes_of(scores: Sequence[NDArray[Any]], background: int) -> NDArray[np.float32]:
    """Return the class with the highest score of each image, (batch,) float32; the first where two are equal.

    Args:
        scores: one array for each image, of one score for each class.
        background: how many classes before the dataset's first are left out.
    """
    return np.array([each.reshape(-1)[background:].argmax() for each in scores], dtype=np.float32)
