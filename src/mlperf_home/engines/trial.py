"""Trial compiles: one small shape is compiled and run in a child process, because a bad graph can abort the process.

No other module of the backends starts a process. `python -m` runs the child's side.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import parse_document, print_line, read_document, to_line, write_document
from mlperf_home.contracts.runs.trial import CompileOutcome, TrialOrder, TrialResult
from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError, EngineSetup
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TIMEOUT_S = 900.0  # a large int8 model compiles in half a minute on a fast machine
_LONGEST_REASON = 300
_NO_RESULT = "the trial compile printed no result"
_REASONS = ("assertion", "error:", "terminate called", "what():", "illegal", "fault")


@dataclass(frozen=True)
class Attempt:
    """A trial compile.

    Attributes:
        engine: the backend's name.
        setup: the setup to open; its grid has one shape.
        outcome_path: the file that stores the outcome.
        command: the child's command instead of this module's own, for tests.
        timeout_s: the time limit in seconds.
    """

    engine: str
    setup: EngineSetup
    outcome_path: Path
    command: Sequence[str] | None = None
    timeout_s: float = TIMEOUT_S


def check(attempt: Attempt) -> None:
    """Compile and run the shape in a child process, unless the outcome is stored.

    Raises:
        BackendError: the engine failed; the message has the engine's own error line.
    """
    path, setup = attempt.outcome_path, attempt.setup
    try:
        failure = read_document(path, CompileOutcome).failure
    except DocumentError:
        failure = _run_child(attempt)
        try:
            write_document(path, CompileOutcome(failure=failure))
        except OSError as error:
            problem = f"work folder {path.parent}: cannot write {path.name} ({error.strerror}); name another folder"
            raise BackendError(problem) from error
    if failure:
        shape = (setup.grid.batch_sizes[0], setup.grid.lengths[0])
        raise compile_error(attempt.engine, setup.model_path, shape, failure)


def compile_error(engine: str, model_path: Path, shape: tuple[int, int], reason: str) -> BackendError:
    """Return the error of an engine that cannot compile a model for (batch, length)."""
    return BackendError(
        f"model {model_path}: {engine} cannot compile it for batch {shape[0]}, length {shape[1]}: "
        f"{reason}; try another export of the model, or the onnxruntime backend"
    )


def _run_child(attempt: Attempt) -> str:
    """Run the child; return the reason why the engine ended it, or "" on success.

    Raises:
        BackendError: the child reported an error, exceeded its time or was killed; such an outcome is not stored.
    """
    setup = attempt.setup
    order = TrialOrder(
        engine=attempt.engine,
        model_path=setup.model_path,
        work_dir=setup.work_dir,
        grid=setup.grid,
        cores=setup.cores,
        options=setup.options,
    )
    command = attempt.command or [sys.executable, str(BOOTSTRAP), __name__]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            input=to_line(order),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=attempt.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"model {setup.model_path}: {attempt.engine} did not compile one small shape "
            f"within {attempt.timeout_s:g} s; check that the machine is neither busy nor short of memory"
        ) from error
    except OSError as error:
        problem = f"cannot start {command[0]} for a trial compile ({error.strerror}); check the Python installation"
        raise BackendError(problem) from error
    return _failure(attempt, done)


def _failure(attempt: Attempt, done: subprocess.CompletedProcess[str]) -> str:
    """Return the reason why the engine ended the child, or ""; raise as `_run_child` does."""
    if done.returncode == 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        try:
            refusal = parse_document(lines[-1], TrialResult, "the trial compile").error if lines else _NO_RESULT
        except DocumentError:
            refusal = f"the trial compile ended with {lines[-1]!r}"
        if refusal:
            raise BackendError(refusal)
        return ""
    if done.returncode == -signal.SIGKILL:
        raise BackendError(
            f"model {attempt.setup.model_path}: the trial compile was killed (SIGKILL), "
            "probably because memory ran out; free memory, or use a smaller model"
        )
    ending = f"it ended the process (exit status {done.returncode})"
    if done.returncode < 0:
        names = {number.value: number.name for number in signal.Signals}
        ending = f"it aborted the process ({names.get(-done.returncode, f'signal {-done.returncode}')})"
    return f"{ending} with the message: {error_line(done.stderr)}"


def error_line(stderr: str) -> str:
    """Return the line of an engine's output that has the error, without banner and backtrace."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if any(word in line.lower() for word in _REASONS)]
    chosen = (errors or lines or ["(none)"])[0 if errors else -1]
    return chosen if len(chosen) <= _LONGEST_REASON else chosen[:_LONGEST_REASON] + "..."


def main() -> None:
    """Open and close the backend named on standard input, in the child; print the error as JSON."""
    # An expected abort must not leave a core file in the user's folder.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    error: str | None = None
    try:
        order = parse_document(sys.stdin.read(), TrialOrder, "standard input")
        backend = registry.make(order.engine)
        backend.open(EngineSetup(order.model_path, order.work_dir, order.grid, order.cores, order.options))
        backend.close()
    except BackendError as refusal:
        error = str(refusal)
    print_line(TrialResult(error=error))


if __name__ == "__main__":
    main()
