"""Every end of a trial compile becomes one message, and an outcome is stored."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines import trial
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.trial import Attempt

if TYPE_CHECKING:
    from pathlib import Path


def _attempt(tmp_path: Path, program: str, timeout_s: float = 60.0) -> Attempt:
    program = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n" + program
    return Attempt(
        engine="stub",
        setup=EngineSetup(tmp_path / "model.onnx", tmp_path, Grid((96,), (4,))),
        outcome_path=tmp_path / "outcome.json",
        command=[sys.executable, "-c", program],
        timeout_s=timeout_s,
    )


def _runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text())


def test_success_is_stored(tmp_path: Path) -> None:
    attempt = _attempt(tmp_path, "print('{\"error\": null}')")
    trial.check(attempt)
    trial.check(attempt)
    assert _runs(tmp_path) == 1


def test_an_abort_is_one_message_and_is_stored(tmp_path: Path) -> None:
    program = (
        "import os, sys, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "print('Banner\\n\\nAssertion at planner.hpp:120\\n\\nBacktrace:\\n 0# 0x7f', file=sys.stderr, flush=True)\n"
        "os.abort()"
    )
    attempt = _attempt(tmp_path, program)
    for _ in range(2):
        with pytest.raises(BackendError) as caught:
            trial.check(attempt)
        text = str(caught.value)
        assert "stub cannot compile it for batch 4, length 96" in text
        assert "it aborted the process (SIGABRT) with the message: Assertion at planner.hpp:120" in text
        assert "onnxruntime backend" in text
        assert "\n" not in text
    assert _runs(tmp_path) == 1


def test_an_exit_without_a_signal_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"ended the process \(exit status 1\) with the message: gone"):
        trial.check(_attempt(tmp_path, "import sys; print('gone', file=sys.stderr); sys.exit(1)"))


def test_a_kill_is_not_stored(tmp_path: Path) -> None:
    attempt = _attempt(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    for _ in range(2):
        with pytest.raises(BackendError, match="the trial compile was killed"):
            trial.check(attempt)
    assert _runs(tmp_path) == 2


def test_a_hanging_child_is_ended(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"one small shape within 0\.5 s"):
        trial.check(_attempt(tmp_path, "import threading; threading.Event().wait()", timeout_s=0.5))
    assert not (tmp_path / "outcome.json").exists()


def test_an_error_of_the_child_is_not_stored(tmp_path: Path) -> None:
    attempt = _attempt(tmp_path, "print('noise'); print('{\"error\": \"model x: its inputs are y\"}')")
    for _ in range(2):
        with pytest.raises(BackendError, match=r"^model x: its inputs are y$"):
            trial.check(attempt)
    assert _runs(tmp_path) == 2


@pytest.mark.parametrize(("program", "words"), [("pass", "printed no result"), ("print('ok')", "ended with 'ok'")])
def test_unexpected_output_of_the_child_is_an_error(tmp_path: Path, program: str, words: str) -> None:
    with pytest.raises(BackendError, match=words):
        trial.check(_attempt(tmp_path, program))


def test_a_damaged_outcome_is_tried_again(tmp_path: Path) -> None:
    attempt = _attempt(tmp_path, "print('{\"error\": null}')")
    attempt.outcome_path.write_text("{")
    trial.check(attempt)
    assert json.loads(attempt.outcome_path.read_text()) == {"failure": ""}


def test_an_absent_command_is_named(tmp_path: Path) -> None:
    attempt = Attempt(
        "stub", EngineSetup(tmp_path / "m", tmp_path, Grid((96,))), tmp_path / "outcome", ["/nowhere/python"]
    )
    with pytest.raises(BackendError, match="cannot start /nowhere/python"):
        trial.check(attempt)


def test_the_real_child_opens_the_backend(tmp_path: Path) -> None:
    setup = EngineSetup(tmp_path / "m.onnx", tmp_path, Grid((96,), (4,)))
    trial.check(Attempt("echo", setup, tmp_path / "outcome.json"))
    wrong = EngineSetup(tmp_path / "m.onnx", tmp_path, Grid((96,), (4,)), options={"colour": 1})
    with pytest.raises(BackendError, match="unknown option 'colour'"):
        trial.check(Attempt("echo", wrong, tmp_path / "other.json"))


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ("", "(none)"),
        ("banner\nlast words\n", "last words"),
        ("banner\nNM: error: x.cc:45 no\ntrace\n", "NM: error: x.cc:45 no"),
        ("x" * 400, "x" * 300 + "..."),
    ],
)
def test_the_error_line_is_found(stderr: str, expected: str) -> None:
    assert trial.error_line(stderr) == expected
