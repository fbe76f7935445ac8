"""The parent of a run: it starts the run's process, watches it, and publishes its output.

LoadGen waits forever for a lost sample. An exception or a signal inside it aborts or crashes the process, and engines
crash too. The run therefore has a process of its own, and the supervisor turns every failure into one line and one exit
status.

One run at a time holds the output, which is published when it is complete; otherwise an error file gives the reason.
LoadGen itself lets two runs overwrite each other and reports success.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.runs.failures import ExitStatus, Failure, HarnessError
from mlperf_home.harness.user_conf import check_user_conf
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from mlperf_home.contracts.runs.job import Job

# The child itself detects hangs, and the time limit while LoadGen runs. The supervisor acts this much later, on a child
# that holds Python's lock or is still opening the engine.
_MARGIN_S = 5.0
_INTERRUPTIONS = {signal.SIGINT: ExitStatus.INTERRUPTED, signal.SIGTERM: ExitStatus.TERMINATED}


class Child(Protocol):
    """The process of a run, with the interface of `subprocess.Popen`; it leads a process group of its own."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""

    def wait(self) -> int:
        """Wait for the process; return its exit code, which is negative after a signal."""


Start = Callable[[Path, int], Child]
"""Starts a child for a job file; the child writes a byte per second to the descriptor during the timed section."""


def supervise(job: Job, job_path: Path, start: Start | None = None, signals: Signals | None = None) -> None:
    """Run a job in a child process and publish its result.

    Args:
        job: the job.
        job_path: the job's file.
        start: starts the child; a new interpreter by default.
        signals: the signals of a process that supervises several jobs.

    Raises:
        HarnessError: the run gave no result; the output paths hold no partial result.
    """
    signals = signals or Signals()
    _check_inputs(job)
    with claimed_output(job):
        try:
            _watch(job, job_path, start or _new_interpreter, signals)
            publish(job)
        except HarnessError as error:
            discard(job, error.status)
            # The child may have written the same error with details.
            if read_error(job) != str(error):
                write_error(job, error.status, str(error))
            raise


def _check_inputs(job: Job) -> None:
    """Raise HarnessError if a conf file or a folder is absent or unusable."""
    if not job.mlperf_conf.is_file():
        raise HarnessError(ExitStatus.BAD_JOB, f"{job.mlperf_conf}: mlperf.conf does not exist; write it first")
    check_user_conf(job.user_conf, job.loadgen_model, job.scenario)
    if not job.work_dir.is_dir():
        raise HarnessError(ExitStatus.BAD_JOB, f"{job.work_dir}: work_dir is not a folder; create it first")
    stray = Path.cwd() / "audit.config"
    if stray.exists():
        problem = "an audit.config in the working directory changes LoadGen's runs; remove it"
        raise HarnessError(ExitStatus.BAD_JOB, f"{stray}: {problem}")


class Signals:
    """SIGINT, SIGTERM and SIGCHLD as bytes on a descriptor for `select`."""

    def __init__(self) -> None:
        self.descriptor, write_end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(write_end, False)
        self.received: signal.Signals | None = None
        for number in (*_INTERRUPTIONS, signal.SIGCHLD):
            signal.signal(number, self._note)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in _INTERRUPTIONS:
            self.received = signal.Signals(number)


def _new_interpreter(job_path: Path, descriptor: int) -> Child:
    command = [
        *(sys.executable, str(BOOTSTRAP), "mlperf_home.harness.worker"),
        *(str(job_path), str(descriptor), str(os.getpid())),
    ]
    # A session of its own: Ctrl-C reaches only the supervisor, which ends the child.
    return subprocess.Popen(  # noqa: S603 - our own module, with this interpreter
        command, stdin=subprocess.DEVNULL, pass_fds=(descriptor,), start_new_session=True
    )


def _watch(job: Job, job_path: Path, start: Start, signals: Signals) -> None:
    """Start the child and wait for it; raise HarnessError unless it completed the run."""
    beats, write_end = os.pipe()
    try:
        child = start(job_path, write_end)
    finally:
        os.close(write_end)
    try:
        _wait(job, child, beats, signals)
    finally:
        if child.poll() is None:
            # The child leads its process group, so this also ends the processes that it started.
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        os.close(beats)
    status = _status(child.wait())
    if status is not ExitStatus.COMPLETE:
        raise HarnessError(status, read_error(job) or f"the run ended with status {int(status)}")


def _wait(job: Job, child: Child, beats: int, signals: Signals) -> None:
    """Wait for the child; raise HarnessError if its heartbeat or its time ends, or on an interruption."""
    waiting = [signals.descriptor, beats]
    last_beat_s: float | None = None
    silence_s = job.stall_timeout_s + _MARGIN_S
    ends_s = None if job.time_limit_s is None else time.monotonic() + job.time_limit_s + _MARGIN_S
    while child.poll() is None:
        if signals.received is not None:
            status = _INTERRUPTIONS[signals.received]
            raise HarnessError(status, f"the run was ended by {signals.received.name}; it left no result")
        if last_beat_s is not None and time.monotonic() - last_beat_s > silence_s:
            raise HarnessError(
                ExitStatus.STALLED,
                f"the engine's process has not responded for {silence_s:.0f} s: the engine hangs; "
                "try another backend or other options",
            )
        if ends_s is not None and time.monotonic() > ends_s:
            raise HarnessError(
                ExitStatus.OVER_TIME,
                f"the run was ended at its time limit of {job.time_limit_s:g} s: opening and calibrating the engine"
                " took longer; raise --time_limit",
            )
        patience_s = [] if last_beat_s is None else [silence_s / 4]
        patience_s += [] if ends_s is None else [max(0.0, ends_s - time.monotonic())]
        for descriptor in select.select(waiting, [], [], min(patience_s, default=None))[0]:
            received = os.read(descriptor, 4096)
            if descriptor == beats:
                last_beat_s = time.monotonic() if received else None
                if not received:
                    # The child closes its end after the timed section.
                    waiting.remove(beats)


def _status(returncode: int) -> ExitStatus:
    if returncode < 0:
        name = signal.Signals(-returncode).name
        hint = "the machine ran out of memory, or the process was killed; free memory, and run it again"
        if name != "SIGKILL":
            # DeepSparse, for example, aborts at a token without an embedding.
            hint = "the engine crashed, see its output above; check that the model matches the dataset, "
            hint += "or try another engine"
        raise HarnessError(ExitStatus.KILLED, f"the engine's process was ended by {name}: {hint}")
    try:
        return ExitStatus(returncode)
    except ValueError:
        problem = f"the engine's process ended with status {returncode} without an error; see its output above"
        raise HarnessError(ExitStatus.INTERNAL, problem) from None


@contextlib.contextmanager
def claimed_output(job: Job) -> Iterator[None]:
    """Lock an empty `partial_dir` for the job and remove the leftovers of earlier runs.

    The lock is on the folder itself and ends with this process.

    Raises:
        HarnessError: out_dir exists, another run holds it, or a folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            _refuse_existing(job)
            job.partial_dir.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(job.partial_dir, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, descriptor)
            # Another run may have renamed the folder between open and lock.
            if not (locks.acquire(descriptor) and locks.is_at(descriptor, job.partial_dir)):
                problem = f"{job.out_dir}: another run is writing there; wait for it, or name another out_dir"
                raise HarnessError(ExitStatus.BAD_OUTPUT, problem)
            _refuse_existing(job)
            _clear(job)
        except OSError as error:
            place = error.filename or job.partial_dir
            problem = f"{place}: cannot be written ({error.strerror}); name another folder"
            raise HarnessError(ExitStatus.BAD_OUTPUT, problem) from None
        yield


def _refuse_existing(job: Job) -> None:
    if job.out_dir.exists():
        raise HarnessError(ExitStatus.BAD_OUTPUT, f"{job.out_dir}: exists already; remove it, or name another out_dir")


def _clear(job: Job) -> None:
    for entry in job.partial_dir.iterdir():
        _remove(entry)
    _remove(job.rejected_dir)
    for leftover in (job.session_path, job.partial_session_path, job.error_path):
        leftover.unlink(missing_ok=True)
    job.session_path.parent.mkdir(parents=True, exist_ok=True)
    # An unwritable folder must fail before the run, not ten minutes later.
    probe = job.session_path.with_name(f".{job.session_path.name}.probe")
    probe.touch()
    probe.unlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def publish(job: Job) -> None:
    """Publish the files of a complete run: first the logs, then the session, which marks them as complete.

    Raises:
        HarnessError: the files cannot be renamed to their final paths.
    """
    try:
        for path in job.partial_dir.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        job.partial_dir.rename(job.out_dir)
        sync_folder(job.out_dir.parent)
        job.partial_session_path.replace(job.session_path)
        sync_folder(job.session_path.parent)
    except OSError as error:
        problem = f"{job.out_dir}: the complete run cannot be published ({error.strerror}); name another out_dir"
        raise HarnessError(ExitStatus.BAD_OUTPUT, problem) from None


def discard(job: Job, status: ExitStatus) -> None:
    """Remove the output of a failed run; logs with LoadGen errors are kept in `rejected_dir`."""
    job.partial_session_path.unlink(missing_ok=True)
    if status is ExitStatus.LOADGEN_ERROR and any(job.partial_dir.glob("*")):
        job.partial_dir.rename(job.rejected_dir)
    shutil.rmtree(job.partial_dir, ignore_errors=True)


def write_error(
    job: Job, status: ExitStatus, message: str, details: str | None = None, done: Mapping[str, float] | None = None
) -> None:
    """Write the error file of a job; ignore a folder that cannot be written."""
    # The name of a file need not be UTF-8; a document is.
    texts = [each and each.encode(errors="backslashreplace").decode() for each in (message, details)]
    failure = Failure(status=int(status), name=status.name, message=texts[0] or "", details=texts[1], done=done or {})
    # Standard error has the message too.
    with contextlib.suppress(OSError):
        write_document(job.error_path, failure)


def read_error(job: Job) -> str | None:
    """Return the message of the error file, or None without a readable file."""
    try:
        return read_document(job.error_path, Failure).message
    except DocumentError:
        return None
