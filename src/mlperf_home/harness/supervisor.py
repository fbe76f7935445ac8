"""The parent of a run: it starts the process that the run has, and holds the run's output.

LoadGen waits for ever for a lost sample, and an exception or a signal inside it aborts or crashes the process; engines
crash too. So the run has a process of its own, and this one turns every end of it into one line and one exit status.

The output is held by one run at a time, and put in place when it is complete; a reason is left when it is not. LoadGen
itself lets two runs overwrite each other and reports success.
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
from mlperf_home.contracts.failures import ExitStatus, Failure, HarnessError
from mlperf_home.harness.user_conf import check_user_conf
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from mlperf_home.contracts.job import Job

# The child notices a hang by itself, and while LoadGen runs the end of its time; one that keeps Python's lock, or
# still opens the engine, is noticed here, this much later.
_MARGIN_S = 5.0
_INTERRUPTIONS = {signal.SIGINT: ExitStatus.INTERRUPTED, signal.SIGTERM: ExitStatus.TERMINATED}


class Child(Protocol):
    """The process that holds the engine, as `subprocess.Popen` has it; it leads a process group of its own."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Return how it ended, or None."""

    def wait(self) -> int:
        """Wait for its end; a signal is a negative number."""


Start = Callable[[Path, int], Child]
"""Starts a child for a job's file; it writes a byte a second to the descriptor while samples are inferred."""


def supervise(job: Job, job_path: Path, start: Start | None = None, signals: Signals | None = None) -> None:
    """Run the job of a file in a child process and publish its result.

    The child is a new interpreter unless `start` starts it. A process that supervises several jobs passes its signals.
    Raise HarnessError if the run gave no result; nothing half-written is left at the output paths.
    """
    signals = signals or Signals()
    _check_inputs(job)
    with claimed_output(job):
        try:
            _watch(job, job_path, start or _new_interpreter, signals)
            publish(job)
        except HarnessError as error:
            discard(job, error.status)
            # The child may have written a fuller one.
            if read_error(job) != str(error):
                write_error(job, error.status, str(error))
            raise


def _check_inputs(job: Job) -> None:
    """Raise HarnessError, before an engine is opened, if a conf file or folder is absent or unusable."""
    if not job.mlperf_conf.is_file():
        raise HarnessError(ExitStatus.BAD_JOB, f"{job.mlperf_conf}: mlperf.conf is not there; write it first")
    check_user_conf(job.user_conf, job.loadgen_model, job.scenario)
    if not job.work_dir.is_dir():
        raise HarnessError(ExitStatus.BAD_JOB, f"{job.work_dir}: work_dir is not a folder; make it first")
    stray = Path.cwd() / "audit.config"
    if stray.exists():
        problem = "an audit.config in the working directory changes LoadGen's runs; move it away"
        raise HarnessError(ExitStatus.BAD_JOB, f"{stray}: {problem}")


class Signals:
    """Interruptions and the child's end, as bytes on a descriptor that can be waited for."""

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
    # Its own session: Ctrl-C in a terminal reaches only this process, which ends the child cleanly.
    return subprocess.Popen(  # noqa: S603 - our own module, with this interpreter
        command, stdin=subprocess.DEVNULL, pass_fds=(descriptor,), start_new_session=True
    )


def _watch(job: Job, job_path: Path, start: Start, signals: Signals) -> None:
    """Run the child to its end; raise HarnessError unless it completed the run."""
    beats, write_end = os.pipe()
    try:
        child = start(job_path, write_end)
    finally:
        os.close(write_end)
    try:
        _wait(job, child, beats, signals)
    finally:
        if child.poll() is None:
            # With everything that it started: the child is the leader of its group.
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        os.close(beats)
    status = _status(child.wait())
    if status is not ExitStatus.COMPLETE:
        raise HarnessError(status, read_error(job) or f"the run ended with status {int(status)}")


def _wait(job: Job, child: Child, beats: int, signals: Signals) -> None:
    """Return when the child has ended; raise HarnessError if it does not beat, or this process is interrupted."""
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
                f"the process with the engine has not answered for {silence_s:.0f} s: the engine hangs; "
                "try another backend or other options",
            )
        if ends_s is not None and time.monotonic() > ends_s:
            raise HarnessError(
                ExitStatus.OVER_TIME,
                f"the run was ended at its limit of {job.time_limit_s:g} s: opening and calibrating the engine took"
                " longer; give it more by --time_limit",
            )
        patience_s = [] if last_beat_s is None else [silence_s / 4]
        patience_s += [] if ends_s is None else [max(0.0, ends_s - time.monotonic())]
        for descriptor in select.select(waiting, [], [], min(patience_s, default=None))[0]:
            received = os.read(descriptor, 4096)
            if descriptor == beats:
                last_beat_s = time.monotonic() if received else None
                if not received:
                    # Its timed section is over.
                    waiting.remove(beats)


def _status(returncode: int) -> ExitStatus:
    if returncode < 0:
        name = signal.Signals(-returncode).name
        hint = "the machine ran out of memory, or somebody killed it"
        if name != "SIGKILL":
            # DeepSparse, for one, aborts at a token that the model has no embedding for.
            hint = "the engine crashed, its words are above; do model and data belong together? Or try another engine"
        raise HarnessError(ExitStatus.KILLED, f"the process with the engine ended by {name}: {hint}")
    try:
        return ExitStatus(returncode)
    except ValueError:
        problem = f"the process with the engine ended with status {returncode} and no reason"
        raise HarnessError(ExitStatus.INTERNAL, problem) from None


@contextlib.contextmanager
def claimed_output(job: Job) -> Iterator[None]:
    """Hold the job's output: an empty `partial_dir`, locked, and no leftovers of earlier runs.

    The lock is on the folder itself and ends with this process, however that ends. Raise HarnessError if out_dir
    exists, or another run writes there, or the folders cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            _refuse_existing(job)
            job.partial_dir.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(job.partial_dir, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, descriptor)
            # The other run may have renamed its folder between our open and our lock.
            if not (locks.acquire(descriptor) and locks.is_at(descriptor, job.partial_dir)):
                problem = f"{job.out_dir}: another run is writing there; wait for it or name another out_dir"
                raise HarnessError(ExitStatus.BAD_OUTPUT, problem)
            _refuse_existing(job)
            _clear(job)
        except OSError as error:
            place = error.filename or job.partial_dir
            problem = f"{place}: cannot be written ({error.strerror}); choose another folder"
            raise HarnessError(ExitStatus.BAD_OUTPUT, problem) from None
        yield


def _refuse_existing(job: Job) -> None:
    if job.out_dir.exists():
        raise HarnessError(ExitStatus.BAD_OUTPUT, f"{job.out_dir}: exists already; remove it or name another out_dir")


def _clear(job: Job) -> None:
    for entry in job.partial_dir.iterdir():
        _remove(entry)
    _remove(job.rejected_dir)
    for leftover in (job.session_path, job.partial_session_path, job.error_path):
        leftover.unlink(missing_ok=True)
    job.session_path.parent.mkdir(parents=True, exist_ok=True)
    # Better to know now than after ten minutes of measuring.
    probe = job.session_path.with_name(f".{job.session_path.name}.probe")
    probe.touch()
    probe.unlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def publish(job: Job) -> None:
    """Make the finished run visible: the logs first, then the session, which says that they are complete.

    Raise HarnessError if the files cannot be put in place.
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
        problem = f"{job.out_dir}: the finished run cannot be put in place ({error.strerror})"
        raise HarnessError(ExitStatus.BAD_OUTPUT, problem) from None


def discard(job: Job, status: ExitStatus) -> None:
    """Remove what an unfinished run wrote; logs that LoadGen found wrong are kept under another name."""
    job.partial_session_path.unlink(missing_ok=True)
    if status is ExitStatus.LOADGEN_ERROR and any(job.partial_dir.glob("*")):
        job.partial_dir.rename(job.rejected_dir)
    shutil.rmtree(job.partial_dir, ignore_errors=True)


def write_error(
    job: Job, status: ExitStatus, message: str, details: str | None = None, done: Mapping[str, float] | None = None
) -> None:
    """Write the error file."""
    failure = Failure(status=int(status), name=status.name, message=message, details=details, done=done or {})
    # The message is on standard error as well.
    with contextlib.suppress(OSError):
        write_document(job.error_path, failure)


def read_error(job: Job) -> str | None:
    """Return the error file's message, or None if there is no such file."""
    try:
        return read_document(job.error_path, Failure).message
    except DocumentError:
        return None
