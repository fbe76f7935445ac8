"""The process of a run, with the engine and LoadGen; `supervisor.py` starts it, watches it and reports its end."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.job import read_job
from mlperf_home.engines.base import BackendError
from mlperf_home.harness.child import Progress, die_with_parent
from mlperf_home.harness.session import RunControl, run_session
from mlperf_home.harness.supervisor import write_error

if TYPE_CHECKING:
    from mlperf_home.contracts.runs.job import Job


def run_job(job_path: Path, descriptor: int, parent: int) -> NoReturn:
    """Run a job in this process, write its session to `partial_session_path`, and exit.

    Args:
        job_path: the job's file.
        descriptor: receives a byte per second during the timed section.
        parent: the process number of the supervisor; this process ends with it.
    """
    die_with_parent(parent)
    # The supervisor handles interruptions; it ends this process with SIGKILL.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    job = read_job(job_path)
    started_s = time.monotonic()

    control = RunControl(
        progress=Progress(),
        beat=lambda: os.write(descriptor, b"."),
        end_beats=lambda: os.close(descriptor),
        fail=lambda error: _report(job, error, ExitStatus.WORKER_FAILED),
        deadline_s=None if job.time_limit_s is None else started_s + job.time_limit_s,
    )
    try:
        session = run_session(job, control)
        write_document(job.partial_session_path, session)
    except BaseException as error:  # noqa: BLE001 - every exception becomes one line and a status
        _report(job, error, ExitStatus.INTERNAL)
    _end(ExitStatus.COMPLETE)


def _report(job: Job, error: BaseException, status: ExitStatus) -> NoReturn:
    """Write the error file and exit at once, because LoadGen's threads would wait forever.

    `status` applies to errors without a status of their own.
    """
    if isinstance(error, HarnessError):
        write_error(job, error.status, str(error), done=error.done)
        _end(error.status)
    if isinstance(error, BackendError):
        write_error(job, status, str(error))
    else:
        where = "an engine call" if status is ExitStatus.WORKER_FAILED else "the harness"
        message = f"{where} failed: {type(error).__name__}: {error} (details in {job.error_path})"
        write_error(job, status, message, "".join(traceback.format_exception(error)))
    _end(status)


def _end(status: ExitStatus) -> NoReturn:
    # Skip the interpreter's shutdown: engines' threads are known to crash in it after a complete run.
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run_job(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
