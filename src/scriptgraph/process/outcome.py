"""How a program that we ran ended, as a value and in words."""

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
    "SIGSEGV": "it crashed",
    "SIGABRT": "it gave up",
    "SIGILL": "this CPU lacks an instruction it uses",
    "SIGBUS": "often: a full disk or /dev/shm",
}


class ProcessFailed(ScriptGraphError):  # noqa: N818 - it reads as the event it is
    """A program (argv[0]) could not be started, failed, or took too long.

    `last_lines` are what it wrote last, oldest first; `log` has all of its lines, if they were kept.
    """

    def __init__(self, program: str, problem: str, last_lines: Sequence[str] = (), log: Path | None = None) -> None:
        super().__init__(program, problem, last_lines, log)
        self.program, self.problem = program, problem
        self.last_lines, self.log = tuple(last_lines), log

    def __str__(self) -> str:
        said = next((line.strip() for line in reversed(self.last_lines) if line.strip()), "")
        return f"{self.program} {self.problem}" + (f"; it said last: {said}" if said else "")


@dataclass(frozen=True)
class Completed:
    """A program that ran to its end, well or not.

    Attributes:
        argv: what was run.
        exit_code: its exit status; None if a signal ended it.
        signal: the number of the signal that ended it; None if it exited.
        start_ns: when it was started, nanoseconds since the epoch.
        end_ns: when its end was seen, nanoseconds since the epoch.
        last_lines: the last lines of both of its outputs, oldest first.
        log: the file with all of its lines; None if none was asked for.
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
        """Whether it exited with status 0."""
        return self.exit_code == 0

    def require_success(self) -> Completed:
        """Return self on success; raise otherwise.

        Raises:
            ProcessFailed: it exited with another status than 0, or a signal ended it.
        """
        if self.ok:
            return self
        raise ProcessFailed(self.argv[0], describe_end(self.exit_code, self.signal), self.last_lines, self.log)


def describe_end(exit_code: int | None, signal_number: int | None) -> str:
    """Return in words how a program ended ("was ended by signal 9 (SIGKILL; often: out of memory)")."""
    if signal_number is None:
        return f"exited with status {exit_code}"
    try:
        name = signal.Signals(signal_number).name
    except ValueError:
        return f"was ended by signal {signal_number}"
    remark = f"; {_REMARKS[name]}" if name in _REMARKS else ""
    return f"was ended by signal {signal_number} ({name}{remark})"
