"""The process that holds the engine and LoadGen: `supervisor.py` starts it, watches it and speaks for it."""

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
from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.contracts.job import read_job
from mlperf_home.engines.base import BackendError
from mlperf_home.harness.child import Progress, die_with_parent
from mlperf_home.harness.session import Surroundings, run_session
from mlperf_home.harness.supervisor import write_error

if TYPE_CHECKING:
    from mlperf_home.contracts.job import Job


def work(job_path: Path, descriptor: int, parent: int) -> NoReturn:
    """Run the job of a file in this process, and end it; the session is written as `<session>.partial`.

    The descriptor gets a byte a second while samples are inferred. When the supervisor, `parent`, ends, so does this.
    """
    die_with_parent(parent)
    # The supervisor alone decides about interruptions; it ends this process with SIGKILL.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    job = read_job(job_path)
    started_s = time.monotonic()

    surroundings = Surroundings(
        progress=Progress(),
        beat=lambda: os.write(descriptor, b"."),
        end_beats=lambda: os.close(descriptor),
        fail=lambda error: _report(job, error, ExitStatus.WORKER_FAILED),
        ends_s=None if job.time_limit_s is None else started_s + job.time_limit_s,
    )
    try:
        session = run_session(job, surroundings)
        write_document(job.partial_session_path, session)
    except BaseException as error:  # noqa: BLE001 - whatever it is becomes one line and a status
        _report(job, error, ExitStatus.INTERNAL)
    _end(ExitStatus.COMPLETE)


def _report(job: Job, error: BaseException, otherwise: ExitStatus) -> NoReturn:
    """Write why the run ends, and end it at once: LoadGen's threads would wait for ever."""
    if isinstance(error, HarnessError):
        write_error(job, error.status, str(error), done=error.done)
        _end(error.status)
    if isinstance(error, BackendError):
        # The engine's own sentence says it all.
        write_error(job, otherwise, str(error))
    else:
        where = "an engine call" if otherwise is ExitStatus.WORKER_FAILED else "the harness"
        message = f"{where} failed: {type(error).__name__}: {error} (details in {job.error_path})"
        write_error(job, otherwise, message, "".join(traceback.format_exception(error)))
    _end(otherwise)


def _end(status: ExitStatus) -> NoReturn:
    # Without the interpreter's end: engines' threads are known to crash in it after a good run.
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
