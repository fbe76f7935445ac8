"""The echo backend follows its options."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.echo import EchoBackend


def _open(**options: Any) -> EchoBackend:
    backend = EchoBackend()
    backend.open(EngineSetup(Path("none.onnx"), Path(), Grid((8,), (2,)), options=options))
    return backend


def _inputs() -> tuple[Any, Any, Any]:
    ids = np.array([[100, 5, 0, 0, 0, 0, 0, 0]], dtype=np.int64)
    return ids, (ids > 0).astype(np.int64), np.zeros_like(ids)


def test_answers_are_functions_of_the_inputs() -> None:
    logits = _open().run(_inputs())
    assert logits.tolist()[0][:3] == [[3.0, 11.0], [5.0, 5.0], [0.0, 0.0]]


def test_a_warning_says_that_echo_is_not_an_engine() -> None:
    description = EchoBackend().open(EngineSetup(Path("none.onnx"), Path(), Grid((8,))))
    assert "not an inference engine" in description.warnings[0]


def test_the_requested_call_fails() -> None:
    backend = _open(fail_on_call=2)
    backend.run(_inputs())
    with pytest.raises(BackendError, match="call 2 fails"):
        backend.run(_inputs())
    backend.run(_inputs())


def test_the_requested_call_hangs_until_closing() -> None:
    backend = _open(hang_on_call=1)
    caught: list[str] = []

    def call() -> None:
        try:
            backend.run(_inputs())
        except BackendError as error:
            caught.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    backend.close()
    thread.join()
    assert len(caught) == 1  # the call hung, or started after closing; both are errors


def test_calls_are_delayed_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = _open(delay_s=0.25)
    waited: list[float] = []
    monkeypatch.setattr(backend._closed, "wait", waited.append)
    backend.run(_inputs())
    assert waited == [0.25]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fail_on_call": 0}, "fail_on_call must be a positive whole number"),
        ({"hang_on_call": True}, "hang_on_call must be"),
        ({"delay_s": "1"}, "delay_s must be a number of seconds"),
        ({"delay_ms": 1}, "unknown option 'delay_ms'; it has fail_on_call, hang_on_call, delay_s"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BackendError) as caught:
        _open(**options)
    assert words in str(caught.value)
