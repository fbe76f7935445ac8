"""An engine and a dataset for the harness's own tests: no model, and failures on request."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlperf_home.engines.base import BackendError, EngineDescription

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared


class StubBackend:
    """Returns input_ids as logits; its options make it fail or wait."""

    def __init__(self) -> None:
        self.options: Mapping[str, Any] = {}
        self.calls = 0

    def open(self, setup: EngineSetup) -> EngineDescription:
        self.options = setup.options
        if setup.options.get("refuse"):
            raise BackendError("stub: the engine refuses this model; use another")
        if setup.options.get("hang_in_open"):
            threading.Event().wait()
        if setup.options.get("crash_in_open"):
            os.abort()
        (setup.work_dir / "pid").write_text(str(os.getpid()), "ascii")
        return EngineDescription("stub", "1", {"cores": setup.cores}, tuple(setup.options.get("warnings", ())))

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        self.calls += 1
        if self.calls == self.options.get("fail_at_call"):
            raise RuntimeError("the stub fails as requested")
        if self.calls == self.options.get("hang_at_call"):
            threading.Event().wait()
        if self.calls == self.options.get("hang_with_lock_at_call"):
            # The C library's sleep(), called with Python's lock held, so that no other thread runs.
            ctypes.PyDLL(None).sleep(3600)
        if self.calls == self.options.get("die_at_call"):
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait(self.options.get("call_s", 0))
        ids = inputs[0].astype(np.float32)
        return np.stack([ids, -ids], axis=-1)

    def prepare(self, inputs: Inputs) -> Prepared:
        def infer() -> Answer:
            logits = self.run(inputs)
            return lambda: logits

        return infer

    def close(self) -> None:
        """Do nothing."""


class StubSamples:
    """Sample i has i % 300 + 10 tokens, each i + 1; the name of the folder is the number of samples."""

    name = "stub"
    sample_note = "stub samples"
    identity: ClassVar[dict[str, str]] = {"stub": "0"}

    def __init__(self, folder: Path) -> None:
        self.count = int(folder.name)
        self.performance_count = self.count
        self.lengths: NDArray[np.int32] | None = (np.arange(self.count) % 300 + 10).astype(np.int32)
        self.loaded: set[int] = set()

    def adapt(self, model: Mapping[str, Any]) -> None:
        """Do nothing: every model takes tokens."""

    def load(self, indices: Sequence[int]) -> None:
        self.loaded |= set(indices)

    def unload(self, indices: Sequence[int]) -> None:
        self.loaded -= set(indices)

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        assert length is not None
        assert self.lengths is not None
        assert self.loaded >= set(indices.tolist())
        inside = np.arange(length) < self.lengths[indices][:, None]
        return (np.where(inside, indices[:, None] + 1, 0), inside.astype(np.int64), np.zeros_like(inside, np.int64))
