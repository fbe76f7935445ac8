"""Jobs of a queue that may not answer for a while."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mlperf_home.fleet.controller.shell import MachineLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from mlperf_home.fleet.controller.queue.jobs import Jobs, QueuedJob

_Answer = TypeVar("_Answer")
# So many looks may a file of another node be unseen here after its job has ended.
_LATE_LOOKS = 6


class PatientJobs:
    """Asks again while the queue does not answer; `say` takes lines for people."""

    def __init__(self, jobs: Jobs, look_s: float, lost_s: float, say: Callable[[str], None]) -> None:
        self._jobs, self._look_s, self._lost_s, self._say = jobs, look_s, lost_s, say

    async def find(self, unit: Path) -> QueuedJob | None:
        """Return the job of a unit, or None if it has ended or there was none.

        Raises:
            MachineLostError: the queue did not answer for too long; likewise below.
        """
        return await self._answered(partial(self._jobs.find, unit))

    async def submit(self, unit: Path, argv: Sequence[str], deadline_s: float | None) -> None:
        """Submit a job, unless it is there: one may be although Slurm did not answer in time.

        Raises:
            MachineError: the queue takes no such job.
        """

        async def submitted() -> None:
            if await self._jobs.find(unit) is None:
                await self._jobs.submit(unit, argv, deadline_s)

        await self._answered(submitted)

    async def cancel(self, unit: Path) -> None:
        """End the job of a unit."""
        await self._answered(partial(self._jobs.cancel, unit))

    async def until_ended(self, unit: Path, label: str) -> None:
        """Wait until a unit has a result, or no job; return at once if it has none now."""
        result, state = unit / "result.json", ""
        while not result.exists() and (job := await self.find(unit)):
            if job.state != state:
                state = job.state
                self._say(f"{label}: {job}")
            await asyncio.sleep(self._look_s)
        for _ in range(_LATE_LOOKS if state else 0):
            if result.exists():
                return
            await asyncio.sleep(self._look_s)

    async def _answered(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        clock = asyncio.get_running_loop().time
        until, said = clock() + self._lost_s, False
        while True:
            try:
                return await ask()
            except MachineLostError as error:
                if clock() >= until:
                    raise
                if not said:
                    self._say(f"{error.problem}; trying again")
                said = True
            await asyncio.sleep(min(self._look_s, max(0.0, until - clock())))
