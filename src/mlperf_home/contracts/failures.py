"""The ways a run ends without a result, each with its own exit status."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from mlperf_home.contracts.codec import OpenDocument


class ExitStatus(IntEnum):
    """What the harness process tells its parent.

    An INVALID result is a complete run: its status is COMPLETE and the session says why it is invalid.
    """

    COMPLETE = 0
    BAD_JOB = 64
    """The job, user.conf, mlperf.conf or the working directory cannot be used."""
    BACKEND_REFUSED = 65
    """The engine is absent, or refuses the model, or the model is not the benchmark's."""
    LOADGEN_ERROR = 66
    """LoadGen wrote error lines (or is absent): its logs are no result."""
    STALLED = 67
    """No sample was completed for the job's stall_timeout_s."""
    WORKER_FAILED = 68
    """An exception while samples were being inferred."""
    BAD_DATASET = 69
    """The dataset cannot be used, or not with these sequence lengths."""
    INTERNAL = 70
    """A mistake in the harness itself; the traceback is in the error file."""
    KILLED = 71
    """The process that ran the engine was killed, aborted or crashed."""
    OVER_TIME = 72
    """The job's time_limit_s was over."""
    BAD_OUTPUT = 73
    """The output folder exists already or cannot be written."""
    INTERRUPTED = 130
    """SIGINT (Ctrl-C)."""
    TERMINATED = 143
    """SIGTERM."""


class HarnessError(Exception):
    """A run that gives no result; `str()` is one line: what is wrong, where, what to do next.

    `status` is the exit status that belongs to it, `done` what had been done by then, in numbers.
    """

    def __init__(self, status: ExitStatus, message: str, done: Mapping[str, float] | None = None) -> None:
        super().__init__(" ".join(message.split()))
        self.status, self.done = status, dict(done or {})


class Failure(OpenDocument):
    """The error file of a run without a result.

    Attributes:
        status: an `ExitStatus`; `name` is its name.
        message: one line: what is wrong, where, what to do next.
        details: a traceback; None where the message says it all.
        done: what had been done by then, in numbers.
    """

    status: int
    name: str
    message: str
    details: str | None = None
    done: Mapping[str, float] = {}
