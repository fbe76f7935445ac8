"""The echo backend, a stub for tests: its answers are functions of the inputs, and it fails on request."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.base import BackendError, EngineDescription
from mlperf_home.engines.engine import QuestionAnswering, locate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared
    from mlperf_home.engines.engine import EngineOptions

_START_PERIOD = 97
_END_PERIOD = 89


class EchoBackend(QuestionAnswering):
    """A backend whose start and end logits are remainders of the token ids; padding has 0.

    Options: `fail_on_call` (the number of the call, from 1, that fails), `hang_on_call` (the number of the call that
    hangs until the backend is closed), `delay_s` (the duration of each call).
    """

    name = "echo"
    option_names = ("fail_on_call", "hang_on_call", "delay_s")

    def __init__(self) -> None:
        super().__init__()
        self._fails: int | None = None
        self._hangs: int | None = None
        self._delay_s = 0.0
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._calls = 0

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Answer, fail, or hang; see `Backend.run`."""
        if not self._largest_batch:
            raise self._not_open()
        locate(inputs, self._largest_batch)
        with self._lock:
            self._calls += 1
            call = self._calls
        if call == self._fails:
            raise BackendError(f"echo: call {call} fails as requested; remove the option fail_on_call")
        if call == self._hangs:
            self._closed.wait()
            raise BackendError(f"echo: call {call} hung as requested until closing; remove the option hang_on_call")
        if self._delay_s:
            self._closed.wait(self._delay_s)
        ids, mask = inputs[0], inputs[1]
        logits: NDArray[np.float32] = np.stack((ids % _START_PERIOD, ids % _END_PERIOD), axis=-1).astype(np.float32)
        logits[mask == 0] = 0
        return logits

    def prepare(self, inputs: Inputs) -> Prepared:
        """Return a batch that is answered when it is called; see `Backend.prepare`."""

        def infer() -> Answer:
            logits = self.run(inputs)
            return lambda: logits

        return infer

    def close(self) -> None:
        """End hanging and delayed calls; see `Backend.close`."""
        self._largest_batch = {}
        self._closed.set()

    def _open(self, _request: EngineSetup, options: EngineOptions) -> EngineDescription:
        self._fails, self._hangs = options.count("fail_on_call"), options.count("hang_on_call")
        self._delay_s = options.seconds("delay_s")
        self._closed.clear()
        self._calls = 0
        warning = "The echo backend is not an inference engine: its speed and its answers are meaningless."
        return EngineDescription(self.name, "1", self._shapes(), (warning,))
