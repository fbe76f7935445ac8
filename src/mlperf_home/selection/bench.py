"""The machine of a trial: one process for each engine, in that engine's environment."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import parse_document, to_line
from mlperf_home.contracts.runs.selection import WorkerOrder, WorkerReply, WorkerSetup
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.memory import available_bytes
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlperf_home.contracts.codec import OpenDocument
    from mlperf_home.contracts.runs.selection import TrialPlan

_MODULE = "mlperf_home.selection.worker"
# Room for the engine of the run itself, and for the growth of open engines.
_SPARE_ENGINES = 2


class _Worker:
    """The process of an engine."""

    def __init__(self, words: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, in the engine's environment
                [*words, str(BOOTSTRAP), _MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        except OSError as error:
            raise BackendError(
                f"{words[-1]} cannot be started ({error.strerror}); make the environment again"
            ) from None

    def ask(self, document: OpenDocument) -> WorkerReply:
        """Send a line and return the answer; raise BackendError if the engine refuses, or its process ends."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - both are pipes
        assert stdout is not None  # noqa: S101
        try:
            stdin.write(f"{to_line(document)}\n")
            stdin.flush()
            line = stdout.readline()
            reply = parse_document(line, WorkerReply, "the engine's process") if line else None
        except (BrokenPipeError, DocumentError):
            reply = None
        if reply is None:
            self.end()
            raise BackendError(f"the engine ended its process (exit status {self._process.returncode})")
        if reply.error:
            raise BackendError(reply.error)
        return reply

    def end(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._process.wait()


@dataclass
class ProcessBench:
    """A `Bench` of engines in processes.

    Attributes:
        details: the details of each engine that was opened, by position.
        accuracy: the F1 of each in words, by position.
        disturbed: the disturbances that the processes noticed.
        opening_s: the time in seconds that openings took, with the checks of F1s.
    """

    plan: TrialPlan
    say: Callable[[str], None] = lambda _line: None
    details: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    accuracy: dict[int, str] = field(default_factory=dict)
    disturbed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    opening_s: float = 0.0
    _workers: dict[int, _Worker] = field(default_factory=dict)
    _largest_bytes: int = 0

    @property
    def quiet(self) -> bool:
        """Whether all slices so far were undisturbed."""
        return not any(self.disturbed.values())

    def open(self, contender: int) -> None:
        """Open an engine in a process of its own; raise BackendError if it refuses, or is not accurate enough."""
        began_s, before = time.monotonic(), available_bytes()
        self.say(self.plan.entries[contender].name)
        try:
            self._start(contender)
        finally:
            self.opening_s += time.monotonic() - began_s
        after = available_bytes()
        if before is not None and after is not None:
            self._largest_bytes = max(self._largest_bytes, before - after)

    def _start(self, contender: int) -> None:
        entry = self.plan.entries[contender]
        worker = _Worker(entry.python)
        try:
            reply = worker.ask(WorkerSetup(entry=entry, plan=self.plan))
        except BackendError:
            worker.end()
            raise
        self._workers[contender] = worker
        self.details[contender], self.accuracy[contender] = reply.details, reply.accuracy

    def close(self, contender: int) -> None:
        """End an engine's process."""
        self._workers.pop(contender).end()

    def has_room(self) -> bool:
        """Whether another engine fits into memory; true if it is unknown."""
        free = available_bytes()
        return free is None or free >= (1 + _SPARE_ENGINES) * self._largest_bytes

    def slice(self, contender: int, length: int) -> tuple[float, int]:
        """Return the seconds per sample of a slice, and its number of calls."""
        reply = self._workers[contender].ask(WorkerOrder(probe=length))
        self.disturbed[contender] = reply.disturbed_because
        return reply.seconds, reply.calls
