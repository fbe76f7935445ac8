"""Asynchronous requests of a compiled model, one for each stream."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class InferRequests:
    """The idle requests of a compiled model.

    A request runs on a stream of the engine, whose threads do not depend on the caller's; it has one caller at a time.
    """

    def __init__(self, library: Any, compiled: Any, streams: int, outputs: Sequence[int]) -> None:
        """Make a request for each stream; `outputs` are the positions of the outputs to return."""
        self._tensor = library.Tensor
        self._outputs = tuple(outputs)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(streams):
            self._idle.put(compiled.create_infer_request())

    def tensors(self, arrays: Sequence[NDArray[Any]]) -> list[Any]:
        """Return contiguous arrays as the engine's tensors; they share the memory of those that can be written."""
        # Arrays of mapped files are read-only, which the engine does not take.
        own = [array if array.flags.writeable else array.copy() for array in arrays]
        return [self._tensor(array, shared_memory=True) for array in own]

    def infer(self, tensors: Sequence[Any]) -> list[NDArray[Any]]:
        """Infer a batch on the next idle stream; return copies of the outputs.

        Raises:
            BackendError: the engine fails.
        """
        request = self._idle.get()
        try:
            for position, tensor in enumerate(tensors):
                request.set_input_tensor(position, tensor)
            request.start_async()
            request.wait()
            return [request.get_output_tensor(position).data.copy() for position in self._outputs]
        except Exception as error:  # its exceptions share no public base
            raise BackendError(f"openvino: the model cannot be run ({first_line(error)}); use another model") from error
        finally:
            self._idle.put(request)
