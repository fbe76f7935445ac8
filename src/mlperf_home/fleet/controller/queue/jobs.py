"""The jobs of units in a queue, whatever queue it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

JOB_FOLDER = "job"
"""The folder of Submitit's files, in that of the unit."""
_DEADLINE_ROOM_MIN = 10


@dataclass(frozen=True)
class QueuedJob:
    """A job that has not ended: its number, its state in Slurm's word, and why it waits."""

    number: str
    state: str
    reason: str = ""

    def __str__(self) -> str:
        waits = f" ({self.reason})" if self.state == "PENDING" and self.reason not in {"", "None"} else ""
        return f"job {self.number} is {self.state.lower()}{waits}"


class Jobs(Protocol):
    """The jobs of one place in a queue, by the folder of the unit's attempt."""

    async def find(self, unit: Path) -> QueuedJob | None:
        """Return the job of a unit; None if it has ended, or there was none. Raise MachineLostError without answer."""

    async def submit(self, unit: Path, argv: Sequence[str], deadline_s: float | None) -> None:
        """Submit a job that runs a program, or raise MachineError."""

    async def cancel(self, unit: Path) -> None:
        """End the job of a unit, if there is one."""


def job_minutes(deadline_s: float) -> int:
    """Return the time limit of a job whose unit has a deadline."""
    return math.ceil(deadline_s / 60) + _DEADLINE_ROOM_MIN
