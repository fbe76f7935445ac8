"""Compile and run one small shape in a child process, since a bad graph can end the process.

This is the one module of the backends that starts a process. `python -m` runs the child's side.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.grids import Grid
from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError, EngineSetup
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S = 900.0  # a compile of a large int8 model takes half a minute on a good machine
_LONGEST_REASON = 300
_REASONS = ("assertion", "error:", "terminate called", "what():", "illegal", "fault")


@dataclass(frozen=True)
class Attempt:
    """A shape to try.

    Attributes:
        engine: the backend's name.
        setup: what to open; its grid has one shape.
        memory: the file in which the outcome is remembered.
        command: the child to start instead of this module's own; for tests.
    """

    engine: str
    setup: EngineSetup
    memory: Path
    command: Sequence[str] | None = None
    timeout_s: float = TIMEOUT_S


def check(attempt: Attempt) -> None:
    """Return if a child process could compile and run the shape, now or earlier.

    Raises:
        BackendError: it could not; the engine's own words are in the text.
    """
    memory, setup = attempt.memory, attempt.setup
    try:
        failure = str(json.loads(memory.read_text(encoding="utf-8"))["failure"])
    except (OSError, ValueError, KeyError, TypeError):
        failure = _run_child(attempt)
        try:
            replace_text(memory, json.dumps({"failure": failure}) + "\n")
        except OSError as error:
            raise BackendError(f"work folder {memory.parent}: cannot write {memory.name} ({error.strerror})") from error
    if failure:
        shape = (setup.grid.batch_sizes[0], setup.grid.lengths[0])
        raise cannot_compile(attempt.engine, setup.model_path, shape, failure)


def cannot_compile(engine: str, model_path: Path, shape: tuple[int, int], words: str) -> BackendError:
    """Return the error of an engine that cannot compile a model for (batch, length)."""
    return BackendError(
        f"model {model_path}: {engine} cannot compile it for batch {shape[0]}, length {shape[1]}: "
        f"{words}; try another export of the model, or the onnxruntime backend"
    )


def _run_child(attempt: Attempt) -> str:
    """Start the child; return why the engine ended it, or nothing if all went well.

    Raises:
        BackendError: the child's own, or a time-out, or a kill from outside: nothing to remember.
    """
    setup = attempt.setup
    message = json.dumps({**asdict(setup), "engine": attempt.engine}, default=str)
    command = attempt.command or [sys.executable, str(BOOTSTRAP), __name__]
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
            f"model {setup.model_path}: {attempt.engine} did not compile one small shape "
            f"within {attempt.timeout_s:g} s; is the machine busy or short of memory?"
        ) from error
    except OSError as error:
        raise BackendError(f"cannot start {command[0]} for a trial compile ({error.strerror})") from error
    return _ending(attempt, done)


def _ending(attempt: Attempt, done: subprocess.CompletedProcess[str]) -> str:
    """Return why the engine ended the child, or nothing; raise as `_run_child` does."""
    if done.returncode == 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        try:
            refused = json.loads(lines[-1])["error"] if lines else "the trial compile said nothing"
        except (ValueError, KeyError, TypeError):
            refused = f"the trial compile ended with {lines[-1]!r}"
        if refused:
            raise BackendError(str(refused))
        return ""
    if done.returncode == -signal.SIGKILL:
        raise BackendError(
            f"model {attempt.setup.model_path}: the trial compile was killed from outside (SIGKILL), "
            "most likely for want of memory; free some, or give a smaller model"
        )
    ending = f"it ended the process (exit status {done.returncode})"
    if done.returncode < 0:
        names = {each.value: each.name for each in signal.Signals}
        ending = f"it aborted the process ({names.get(-done.returncode, f'signal {-done.returncode}')})"
    return f"{ending}, saying: {engine_words(done.stderr)}"


def engine_words(stderr: str) -> str:
    """Pick the line in which an engine says what went wrong, out of banner and backtrace."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in _REASONS)]
    chosen = (telling or lines or ["nothing"])[0 if telling else -1]
    return chosen if len(chosen) <= _LONGEST_REASON else chosen[:_LONGEST_REASON] + "..."


def main() -> None:
    """The child's side: open the backend that stdin names, which warms it up, and close it; print the error as JSON."""
    # An abort that is expected should not leave a core file in the user's folder.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    error: str | None = None
    try:
        message = json.load(sys.stdin)
        grid = Grid(tuple(message["grid"]["lengths"]), tuple(message["grid"]["batch_sizes"]))
        paths = Path(message["model_path"]), Path(message["work_dir"])
        backend = registry.make(message["engine"])
        backend.open(EngineSetup(*paths, grid, message["cores"], message["options"]))
        backend.close()
    except BackendError as refused:
        error = str(refused)
    print(json.dumps({"error": error}))


if __name__ == "__main__":
    main()
