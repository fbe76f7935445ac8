"""The outcome of a program that was run, as a value and in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_REMARKS = {
    "SIGKILL": "often: out of memory",
    "SIGSEGV": "a crash: invalid memory access",
    "SIGABRT": "the program aborted itself",
    "SIGILL": "this CPU lacks an instruction that the program uses",
    "SIGBUS": "often: a full disk or /dev/shm",
}


class ProcessFailed(ScriptGraphError):  # noqa: N818 - it reads as the event it is
    """A program could not be started, failed, or exceeded its time limit.

    Attributes:
        program: argv[0].
        problem: a predicate of the program ("exited with status 3").
        last_lines: the last lines of its output, oldest first.
        log: the file with all lines; None if there is none.
    """

    def __init__(self, program: str, problem: str, last_lines: Sequence[str] = (), log: Path | None = None) -> None:
        super().__init__(program, problem, last_lines, log)
        self.program, self.problem = program, problem
        self.last_lines, self.log = tuple(last_lines), log

    def __str__(self) -> str:
        last_line = next((line.strip() for line in reversed(self.last_lines) if line.strip()), "")
        return f"{self.program} {self.problem}" + (f"; last output: {last_line}" if last_line else "")


@dataclass(frozen=True)
class Completed:
    """A program that has ended, successfully or not.

    Attributes:
        argv: the program and its arguments.
        exit_code: the exit status; None if a signal ended the program.
        signal: the number of the signal that ended the program; None if it exited.
        start_ns: the start, in nanoseconds since the epoch.
        end_ns: the moment when the end was noticed, in nanoseconds since the epoch.
        last_lines: the last lines of both outputs, oldest first.
        log: the file with all lines; None if there is none.
    """

    argv: tuple[str, ...]
    exit_code: int | None
    signal: int | None
    start_ns: int
    end_ns: int
    last_lines: tuple[str, ...]
    log: Path | None

    @property
    def ok(self) -> bool:
        """Whether the program exited with status 0."""
        return self.exit_code == 0

    def require_success(self) -> Completed:
        """Return self on success; raise otherwise.

        Raises:
            ProcessFailed: the exit status is not 0, or a signal ended the program.
        """
        if self.ok:
            return self
        raise ProcessFailed(self.argv[0], describe_end(self.exit_code, self.signal), self.last_lines, self.log)


def describe_end(exit_code: int | None, signal_number: int | None) -> str:
    """Return a program's end in words ("was ended by signal 9 (SIGKILL; often: out of memory)")."""
    if signal_number is None:
        return f"exited with status {exit_code}"
    try:
        name = signal.Signals(signal_number).name
    except ValueError:
        return f"was ended by signal {signal_number}"
    remark = f"; {_REMARKS[name]}" if name in _REMARKS else ""
    return f"was ended by signal {signal_number} ({name}{remark})"
