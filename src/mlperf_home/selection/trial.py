"""Try engines with their models side by side, and choose the fastest that is accurate enough."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlperf_home.contracts.runs.selection import EngineSelection, TriedEngine
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.calibration.choice import doubt_of
from mlperf_home.engines.calibration.race import Bench, Race
from mlperf_home.selection.contest import contest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from mlperf_home.contracts.runs.grids import Doubt
    from mlperf_home.contracts.runs.selection import TrialPlan
    from mlperf_home.engines.calibration.times import Floats


class TrialBench(Bench, Protocol):
    """A `Bench` that tells of each engine it has opened: details, F1 in words, disturbances; and the opening's time."""

    @property
    def details(self) -> Mapping[int, Mapping[str, Any]]:
        """The details of each engine that was opened, by position."""

    @property
    def accuracy(self) -> Mapping[int, str]:
        """The F1 of each in words, by position."""

    @property
    def disturbed(self) -> Mapping[int, tuple[str, ...]]:
        """The disturbances that each engine's process noticed, by position."""

    @property
    def opening_s(self) -> float:
        """The time in seconds that openings took."""


@dataclass(frozen=True)
class _Refusals:
    """The reasons of entries that left the race before they were measured, by the entry's name."""

    reasons: Mapping[str, str]

    def of(self, name: str) -> str:
        return self.reasons.get(name, "")


def select(plan: TrialPlan, bench: TrialBench, clock: Callable[[], float] = time.monotonic) -> EngineSelection:
    """Race the entries and return the choice.

    Raises:
        BackendError: no entry is left; the message has the reason of each.
    """
    contest = contest_of(plan, plan.entries)
    # Every engine has its turn, however long the others take to open.
    race = Race(contest, bench, plan.budget_s, lambda: clock() - bench.opening_s, seed=time.time_ns())
    began_s = clock()
    try:
        race.run()
    except BackendError:
        if race.times.rounds:
            raise
        raise BackendError(f"no engine is left: {'; '.join(race.skipped)}; name an engine with --backend") from None
    levels = race.times.levels()
    chosen = race.grids.best(levels)[1][0]
    refused = _Refusals(dict(each.split(": ", 1) for each in race.skipped))
    disturbed = dict.fromkeys(reason for reasons in bench.disturbed.values() for reason in reasons)
    return EngineSelection(
        scenario=plan.scenario,
        chosen=chosen,
        tried=tuple(_tried(plan, bench, levels, position, (chosen, refused)) for position in range(len(plan.entries))),
        certainty=_certainty(doubt_of(contest, race.times)),
        gate_percent=plan.gate_percent,
        elapsed_s=round(clock() - began_s, 3),
        settled=race.settled,
        disturbed_because=tuple(disturbed),
        made_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _tried(
    plan: TrialPlan, bench: TrialBench, levels: Floats, position: int, outcome: tuple[int, _Refusals]
) -> TriedEngine:
    entry, (chosen, refused) = plan.entries[position], outcome
    seconds, best = (float(np.exp(levels[row]).mean()) for row in (position, chosen))
    measured = not np.isnan(seconds)
    details = bench.details.get(position, {})
    return TriedEngine(
        name=entry.name,
        backend=entry.backend,
        version=entry.version,
        model=entry.model,
        variation=entry.variation,
        samples_per_second=round(1 / seconds, 3) if measured else None,
        share=round(best / seconds, 4) if measured else None,
        accuracy=bench.accuracy.get(position, ""),
        precision=str(details.get("precision") or details.get("isa") or ""),
        left_out="" if measured else refused.of(entry.name) or "no time left",
    )


def _certainty(doubt: Doubt) -> str:
    """Return the margin and the doubt of the choice in words."""
    if doubt.runner_up is None or doubt.margin_percent is None:
        return "nothing else was measured"
    words = [f"{doubt.margin_percent:g} % faster than {doubt.runner_up}"]
    if doubt.margin_percent < 0:
        words = [f"{-doubt.margin_percent:g} % slower than {doubt.runner_up}, within the tolerance"]
    if doubt.tied_with:
        words.append(f"cannot be told apart from {doubt.tied_with[0]}")
    if doubt.probability is not None:
        words.append(f"within {doubt.tolerance_percent:g} % of the best with probability {doubt.probability:g}")
    return "; ".join(words)
