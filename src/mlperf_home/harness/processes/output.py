"""A run's output: held by one run at a time, put in place when it is complete, a reason left when it is not.

LoadGen itself lets two runs overwrite each other and reports success.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import TYPE_CHECKING

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_text, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.contracts.job import Job


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
    """Write the error file: {"status", "name", "message", "details", "done"}."""
    report = {"status": int(status), "name": status.name, "message": message, "details": details}
    # The message is on standard error as well.
    with contextlib.suppress(OSError):
        replace_text(job.error_path, json.dumps({**report, "done": dict(done or {})}, indent=1) + "\n")


def read_error(job: Job) -> str | None:
    """Return the error file's message, or None if there is no such file."""
    try:
        return str(json.loads(job.error_path.read_text("utf-8"))["message"])
    except (OSError, ValueError, KeyError):
        return None
