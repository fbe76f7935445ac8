"""The workers of a service: started, rung when something waits, and started again when they end."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import parse_document
from mlperf_home.contracts.leaderboard.service import WorkerEvent
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence

_LINE = Limits(size=64 << 10, depth=2, values=20)
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0)
_LASTING_S = 60.0
_GRACE_S = 2.0


class Workers:
    """Processes that verify uploads; a line on their standard input tells that something waits."""

    def __init__(self, command: Sequence[str], count: int, take: Callable[[WorkerEvent], None]) -> None:
        self._command, self._count, self._take = command, count, take
        self._running: set[Process] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def running(self) -> int:
        """The number of workers that run."""
        return len(self._running)

    def start(self) -> None:
        """Start all workers, each in a task that starts it again."""
        self._tasks = [asyncio.create_task(self._keep_running()) for _ in range(self._count)]

    def ring(self) -> None:
        """Wake the workers: something waits."""
        for process in self._running:
            if process.stdin is not None and not process.stdin.is_closing():
                process.stdin.write(b"\n")

    async def stop(self) -> None:
        """End all workers; what they were verifying waits for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_running(self) -> None:
        fails, loop = 0, asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            code = await self._run_one()
            fails = 0 if loop.time() - began_s > _LASTING_S else fails + 1
            pause_s = _PAUSES_S[min(fails, len(_PAUSES_S) - 1)]
            self._take(WorkerEvent(event="waits", words="a worker", reason=f"it ended with status {code}"))
            await asyncio.sleep(pause_s)

    async def _run_one(self) -> int:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, env=os.environ)
        self._running.add(process)
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            async for line in process.stdout:
                with suppress(DocumentError):  # Other programs' output has no meaning here.
                    self._take(parse_document(line, WorkerEvent, "the worker's line", _LINE))
            return await process.wait()
        finally:
            self._running.discard(process)
            await _ended(process)


async def _ended(process: Process) -> None:
    """End a process, if it has not ended."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except asyncio.TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
