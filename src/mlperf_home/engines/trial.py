"""Compile and run one small shape in a child process, since a bad graph can end the process.

This is the one module of the backends that starts a process. `python -m` runs the
child's side.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlperf_home
from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError, Grid, Request
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_S = 900.0  # a compile of a large int8 model takes half a minute on a good machine
_LONGEST_REASON = 300
_REASONS = ("assertion", "error:", "terminate called", "what():", "illegal", "fault")


@dataclass(frozen=True)
class Attempt:
    """What is to be tried.

    Attributes:
        engine: the backend's name.
        request: what to open; its grid has one shape.
        memory: the file in which the outcome is remembered.
        command: the child to start instead of this module's own; for tests.
        timeout_s: how long it may take.
    """

    engine: str
    request: Request
    memory: Path
    command: Sequence[str] | None = None
    timeout_s: float = TIMEOUT_S


def check(attempt: Attempt) -> None:
    """Return if a child process could compile and run the shape, now or earlier.

    Raises:
        BackendError: it could not; the engine's own words are in the text.
    """
    failure = _remembered(attempt.memory)
    if failure is None:
        failure = _run_child(attempt)
        _remember(attempt.memory, failure)
    if failure:
        shape = attempt.request.grid
        raise BackendError(
            f"model {attempt.request.model_path}: {attempt.engine} cannot compile it for batch "
            f"{shape.batch_sizes[0]}, length {shape.lengths[0]}: {failure}; "
            "try another export of the model, or the onnxruntime backend"
        )


def _run_child(attempt: Attempt) -> str:
    """Start the child.

    Returns:
        Why the engine ended it; empty if all went well.

    Raises:
        BackendError: the child's own, or a time-out, or a kill from outside: nothing to remember.
    """
    request = attempt.request
    message = json.dumps(
        {
            "engine": attempt.engine,
            "model_path": str(request.model_path),
            "work_dir": str(request.work_dir),
            "length": request.grid.lengths[0],
            "batch": request.grid.batch_sizes[0],
            "cores": request.cores,
            "options": dict(request.options),
        }
    )
    bootstrap = Path(mlperf_home.__file__).with_name("bootstrap.py")
    command = attempt.command or [sys.executable, str(bootstrap), __name__]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            input=message,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=attempt.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"model {request.model_path}: {attempt.engine} did not compile one small shape "
            f"within {attempt.timeout_s:g} s; is the machine busy or short of memory?"
        ) from error
    except OSError as error:
        raise BackendError(f"cannot start {command[0]} for a trial compile ({error.strerror})") from error
    if done.returncode == 0:
        return _child_answer(done.stdout)
    if done.returncode == -signal.SIGKILL:
        raise BackendError(
            f"model {request.model_path}: the trial compile was killed from outside (SIGKILL), "
            "most likely for want of memory; free some, or give a smaller model"
        )
    return f"{describe_exit(done.returncode)}, saying: {engine_words(done.stderr)}"


def _child_answer(stdout: str) -> str:
    """Read the child's last line; an error of ours is raised as it is."""
    lines = [line for line in stdout.splitlines() if line.strip()]
    try:
        error = json.loads(lines[-1])["error"] if lines else "the trial compile said nothing"
    except (ValueError, KeyError, TypeError):
        error = f"the trial compile ended with {lines[-1]!r}"
    if error:
        raise BackendError(str(error))
    return ""


def describe_exit(code: int) -> str:
    """Put a child's exit status into words."""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"it aborted the process ({name})"
    return f"it ended the process (exit status {code})"


def engine_words(stderr: str) -> str:
    """Pick the line in which an engine says what went wrong, out of banner and backtrace."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in _REASONS)]
    chosen = (telling or lines or ["nothing"])[0 if telling else -1]
    return chosen if len(chosen) <= _LONGEST_REASON else chosen[:_LONGEST_REASON] + "..."


def _remembered(memory: Path) -> str | None:
    """An earlier outcome: empty for success, else the failure; None if there was none."""
    try:
        outcome = json.loads(memory.read_text(encoding="utf-8"))
        return str(outcome["failure"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(memory: Path, failure: str) -> None:
    """Note the outcome for the next time."""
    try:
        replace_text(memory, json.dumps({"failure": failure}) + "\n")
    except OSError as error:
        raise BackendError(f"work folder {memory.parent}: cannot write {memory.name} ({error.strerror})") from error


def attempt_from(message: Mapping[str, Any]) -> None:
    """The child's side: open the backend for one shape and close it again (opening warms it up)."""
    request = Request(
        model_path=Path(message["model_path"]),
        work_dir=Path(message["work_dir"]),
        grid=Grid(lengths=(message["length"],), batch_sizes=(message["batch"],)),
        cores=message["cores"],
        options=message["options"],
    )
    backend = registry.make(message["engine"])
    backend.open(request)
    backend.close()


def main() -> None:
    """Read the request from stdin; print one JSON line with the error, or null."""
    # An abort that is expected should not leave a core file in the user's folder.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    error: str | None = None
    try:
        attempt_from(json.load(sys.stdin))
    except BackendError as refused:
        error = str(refused)
    print(json.dumps({"error": error}))


if __name__ == "__main__":
    main()
