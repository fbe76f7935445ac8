"""What a run leaves behind: its logs and session when it is complete, a reason when it is not."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.harness.configuration.user_conf import check_user_conf
from scriptgraph.files.atomic import replace_text, sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.contracts.job import Job


def check_inputs(job: Job) -> None:
    """Check what can be checked before an engine is opened.

    Raises:
        HarnessError: a conf file or folder is absent or unusable.
    """
    if not job.mlperf_conf.is_file():
        raise HarnessError(ExitStatus.BAD_JOB, f"{job.mlperf_conf}: mlperf.conf is not there; write it first")
    check_user_conf(job.user_conf, job.loadgen_model, job.scenario)
    if not job.work_dir.is_dir():
        raise HarnessError(ExitStatus.BAD_JOB, f"{job.work_dir}: work_dir is not a folder; make it first")
    stray = job.work_dir.cwd() / "audit.config"
    if stray.exists():
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{stray}: an audit.config in the working directory changes LoadGen's runs; move it away",
        )


def publish(job: Job) -> None:
    """Make the finished run visible: the logs first, then the session, which says that they are complete.

    Raises:
        HarnessError: the files cannot be put in place.
    """
    try:
        for path in job.partial_dir.iterdir():
            _sync_file(path)
        job.partial_dir.rename(job.out_dir)
        sync_folder(job.out_dir.parent)
        job.partial_session_path.replace(job.session_path)
        sync_folder(job.session_path.parent)
    except OSError as error:
        raise HarnessError(
            ExitStatus.BAD_OUTPUT, f"{job.out_dir}: the finished run cannot be put in place ({error.strerror})"
        ) from None


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
    report = {
        "status": int(status),
        "name": status.name,
        "message": message,
        "details": details,
        "done": dict(done or {}),
    }
    try:
        replace_text(job.error_path, json.dumps(report, indent=1) + "\n")
    except OSError:
        # The message is on standard error as well.
        return


def read_error(job: Job) -> str | None:
    """Give the error file's message, or None if there is no such file."""
    try:
        return str(json.loads(job.error_path.read_text("utf-8"))["message"])
    except (OSError, ValueError, KeyError):
        return None


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
