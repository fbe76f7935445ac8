"""The failures of a run and their exit statuses."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from mlperf_home.contracts.codec import OpenDocument


class ExitStatus(IntEnum):
    """The exit status of the harness process.

    A run with an INVALID result is complete: its status is COMPLETE, and the session holds the reasons.
    """

    COMPLETE = 0
    BAD_JOB = 64
    """The job, user.conf, mlperf.conf or the working directory cannot be used."""
    BACKEND_REFUSED = 65
    """The engine is absent or refuses the model, or the model does not fit the benchmark."""
    LOADGEN_ERROR = 66
    """LoadGen is absent or logged errors."""
    STALLED = 67
    """No sample was completed within the job's stall_timeout_s."""
    WORKER_FAILED = 68
    """An engine call raised an exception."""
    BAD_DATASET = 69
    """The dataset cannot be used, or not with these sequence lengths."""
    INTERNAL = 70
    """A defect of the harness; the traceback is in the error file."""
    KILLED = 71
    """The process that ran the engine was killed, aborted or crashed."""
    OVER_TIME = 72
    """The run exceeded the job's time_limit_s."""
    BAD_OUTPUT = 73
    """The output folder exists or cannot be written."""
    INTERRUPTED = 130
    """SIGINT (Ctrl-C)."""
    TERMINATED = 143
    """SIGTERM."""


class HarnessError(Exception):
    """A run without a result; its text is one line.

    Attributes:
        status: the exit status.
        done: counts of the work done before the failure, by name.
    """

    def __init__(self, status: ExitStatus, message: str, done: Mapping[str, float] | None = None) -> None:
        super().__init__(" ".join(message.split()))
        self.status, self.done = status, dict(done or {})


class Failure(OpenDocument):
    """The error file of a run without a result.

    Attributes:
        status: the value of an `ExitStatus`.
        name: the name of that status.
        message: one line: what is wrong; where; what to do.
        details: a traceback, or None where the message suffices.
        done: counts of the work done before the failure, by name.
    """

    status: int
    name: str
    message: str
    details: str | None = None
    done: Mapping[str, float] = {}
