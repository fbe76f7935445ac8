"""One run at a time for each out_dir: LoadGen itself lets two runs overwrite each other and reports success."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.job import Job


@contextlib.contextmanager
def claimed_output(job: Job) -> Iterator[None]:
    """Hold the job's output: an empty `partial_dir`, locked, and no leftovers of earlier runs.

    The lock is on the folder itself and ends with this process, however that ends.

    Raises:
        HarnessError: out_dir exists, or another run writes there, or the folders cannot be written.
    """
    descriptor = -1
    try:
        try:
            _refuse_existing(job)
            job.partial_dir.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(job.partial_dir, os.O_RDONLY | os.O_DIRECTORY)
            _lock(job, descriptor)
            _refuse_existing(job)
            _clear(job)
        except OSError as error:
            place = error.filename or job.partial_dir
            raise HarnessError(
                ExitStatus.BAD_OUTPUT, f"{place}: cannot be written ({error.strerror}); choose another folder"
            ) from None
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _refuse_existing(job: Job) -> None:
    if job.out_dir.exists():
        raise HarnessError(ExitStatus.BAD_OUTPUT, f"{job.out_dir}: exists already; remove it or name another out_dir")


def _lock(job: Job, descriptor: int) -> None:
    # The other run may have renamed its folder between our open and our lock.
    if not (locks.acquire(descriptor) and locks.is_at(descriptor, job.partial_dir)):
        raise HarnessError(
            ExitStatus.BAD_OUTPUT, f"{job.out_dir}: another run is writing there; wait for it or name another out_dir"
        )


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
