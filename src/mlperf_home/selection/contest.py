"""The contest of engines with their models, as a race of the calibration's kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import LENGTHS
from mlperf_home.engines.calibration.shapes import Contender, Contest
from mlperf_home.engines.engine import usable_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.runs.selection import TrialEntry, TrialPlan

# A medium batch in all streams, the first candidate of a calibration, which chooses among all for the winner.
_BATCH = 4
_PROBES = (LENGTHS[0], LENGTHS[len(LENGTHS) // 2], LENGTHS[-1])


@dataclass(frozen=True)
class EngineContender(Contender):
    """An engine with a model; each is a group of its own, the preferred one of equals first."""

    label: str = ""
    order: int = 0

    @property
    def name(self) -> str:
        """The contender for people."""
        return self.label

    @property
    def group(self) -> tuple[int, int]:
        """The group, as an order."""
        return (self.order, 0)


@dataclass(frozen=True)
class EngineContest(Contest):
    """A contest of engines; `streams` and `batch_size` are those of each."""

    @property
    def grid(self) -> Grid:
        """The grid of each engine."""
        shape = self.contenders[0]
        return Grid(self.probes, (shape.batch_size,) * len(self.probes), shape.streams)


def contest_of(plan: TrialPlan, entries: Sequence[TrialEntry]) -> EngineContest:
    """Return the contest of some entries of a plan."""
    single = plan.scenario == "SingleStream"
    streams, batch = (1, 1) if single else (usable_cores(plan.cores), _BATCH if plan.scenario == "Offline" else 1)
    contenders = tuple(
        EngineContender(streams, batch, label=entry.name, order=order) for order, entry in enumerate(entries)
    )
    return EngineContest(contenders, _PROBES, tail=single)
