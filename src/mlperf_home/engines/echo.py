"""No engine: answers that follow from the inputs, and failures on demand, for tests of everything around it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.base import BackendError, Description
from mlperf_home.engines.batching import check_grid, locate
from mlperf_home.engines.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, Prepared, Request

_START_PERIOD = 97
_END_PERIOD = 89


class EchoBackend:
    """Start and end logits are remainders of the token ids; 0 where there is no token.

    Options: `fail_on_call` and `hang_on_call` (the number of the call, from 1, that fails or hangs until the
    backend is closed), `delay_s` (how long each call takes).
    """

    def __init__(self) -> None:
        self._largest_batch: dict[int, int] | None = None
        self._options = Options("echo", {})
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._calls = 0

    def open(self, request: Request) -> Description:
        """Take note of grid and options; the model's file is not read. See `Backend.open`."""
        options = Options("echo", request.options)
        options.only("fail_on_call", "hang_on_call", "delay_s")
        self._options = options
        options.count("fail_on_call")
        options.count("hang_on_call")
        options.seconds("delay_s")
        self._largest_batch = check_grid(request.grid)
        self._closed.clear()
        self._calls = 0
        details = {"lengths": list(self._largest_batch), "batch_sizes": list(self._largest_batch.values())}
        warning = "The echo backend is no inference engine: its speed and its answers measure nothing."
        return Description("echo", "1", details, (warning,))

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Answer, fail, or hang; see `Backend.run`."""
        if self._largest_batch is None:
            raise BackendError("echo: the engine is not open")
        locate(inputs, self._largest_batch)
        with self._lock:
            self._calls += 1
            call = self._calls
        if call == self._options.count("fail_on_call"):
            raise BackendError(f"echo: call {call} fails as it was told to")
        if call == self._options.count("hang_on_call"):
            self._closed.wait()
            raise BackendError(f"echo: call {call} hung as it was told to, until the backend was closed")
        if delay_s := self._options.seconds("delay_s"):
            self._closed.wait(delay_s)
        ids, mask = inputs[0], inputs[1]
        logits: NDArray[np.float32] = np.stack((ids % _START_PERIOD, ids % _END_PERIOD), axis=-1).astype(np.float32)
        logits[mask == 0] = 0
        return logits

    def prepare(self, inputs: Inputs) -> Prepared:
        """Answer later; see `Backend.prepare`."""

        def infer() -> Answer:
            logits = self.run(inputs)
            return lambda: logits

        return infer

    def close(self) -> None:
        """Wake whatever hangs; see `Backend.close`."""
        self._largest_batch = None
        self._closed.set()
