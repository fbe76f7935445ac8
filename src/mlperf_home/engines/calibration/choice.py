"""The choice among contenders by their speeds, its rule for ties, and its doubt.

Of the batch sizes of a length that are about equal, the smallest is chosen; of about equal numbers of streams the
largest; of threads the smallest. So repeated calibrations choose the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.runs.grids import Doubt
from mlperf_home.engines.calibration.shapes import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.engines.calibration.shapes import Contender, Contest
    from mlperf_home.engines.calibration.times import Floats, SliceTimes

TOLERANCE = 0.03
"""Choices whose speeds differ by less than this share are equally good."""
GROUP_TIE = 0.015
"""Another number of streams or threads must be faster by more than this share than the preferred one."""
BATCH_TIE = 0.01
"""A larger batch must be faster by more than this share."""


@dataclass(frozen=True)
class Grids:
    """The contenders of each group, by their index, smallest batch first; the preferred group comes first."""

    groups: tuple[tuple[int, ...], ...]

    def best(self, levels: Floats) -> tuple[int, tuple[int, ...]]:
        """Return the chosen group, and its contender at each length, for levels (contender, length).

        A contender without a level at some length, and a group that lacks a length, are not chosen.
        """
        picks = [self.batches(group, levels) for group in range(len(self.groups))]
        costs = [self.cost(picked, levels) for picked in picks]
        least = min(costs)
        chosen = next(group for group, cost in enumerate(costs) if cost <= least * (1 + GROUP_TIE))
        return chosen, picks[chosen]

    def batches(self, group: int, levels: Floats) -> tuple[int, ...]:
        """Return the contender of a group at each length; the first of the group if none has a level."""
        members = self.groups[group]
        picked = []
        for length in range(levels.shape[1]):
            known = [member for member in members if not np.isnan(levels[member, length])]
            least = min((levels[member, length] for member in known), default=0.0)
            picked.append(next((each for each in known if levels[each, length] <= least + BATCH_TIE), members[0]))
        return tuple(picked)

    def cost(self, picked: Sequence[int], levels: Floats) -> float:
        """Return the seconds for one sample of each length; infinite if a level is unknown."""
        total = sum(np.exp(levels[member, length]) for length, member in enumerate(picked))
        return float("inf") if np.isnan(total) else float(total)

    def least_costs(self, levels: Floats) -> Floats:
        """Return the least possible cost of each of many levels, (resample, contender, length)."""
        seconds = np.where(np.isnan(levels), np.inf, np.exp(levels))
        return np.asarray(
            np.min([np.min(seconds[:, list(group)], axis=1).sum(axis=1) for group in self.groups], axis=0)
        )


def grids_of(contest: Contest) -> Grids:
    """Return the groups of a contest."""
    kinds = sorted({each.group for each in contest.contenders})

    def members(kind: tuple[int, int]) -> tuple[int, ...]:
        indices = (index for index, each in enumerate(contest.contenders) if each.group == kind)
        return tuple(sorted(indices, key=lambda index: contest.contenders[index].batch_size))

    return Grids(tuple(members(kind) for kind in kinds))


def probability(grids: Grids, picked: Sequence[int], times: SliceTimes, seed: int = 0) -> float:
    """Return the share of resampled rounds in which a choice is within the tolerance of the best."""
    levels = times.resampled(seed)
    costs = np.exp(levels[:, list(picked), range(len(picked))]).sum(axis=1)
    return float(np.mean(costs <= grids.least_costs(levels) * (1 + TOLERANCE)))


def doubt_of(contest: Contest, times: SliceTimes) -> Doubt:
    """Return the runner-up of the choice, its margin, and the choices that cannot be told apart from it."""
    grids, levels = grids_of(contest), times.levels()
    group, picked = grids.best(levels)
    resampled, own = times.resampled(), grids.cost(picked, levels)
    costs = {name: (grids.cost(other, levels), other) for name, other in _others(contest, grids, group, picked, levels)}
    known = {name: cost for name, (cost, _) in costs.items() if np.isfinite(cost)}
    runner_up = min(known, key=lambda name: known[name], default=None)
    rows = range(len(picked))
    mine = np.exp(resampled[:, list(picked), rows]).sum(axis=1)
    tied = []
    for name in known:
        theirs = np.exp(resampled[:, list(costs[name][1]), rows]).sum(axis=1)
        if np.quantile(theirs / mine, 0.05) <= 1 + TOLERANCE:
            tied.append(name)
    return Doubt(
        runner_up=runner_up,
        margin_percent=None if runner_up is None else round(100 * (known[runner_up] / own - 1), 1),
        probability=round(probability(grids, picked, times), 2) if times.rounds > 1 else None,
        tolerance_percent=100 * TOLERANCE,
        tied_with=tuple(tied),
    )


def _others(
    contest: Contest, grids: Grids, group: int, picked: Sequence[int], levels: Floats
) -> list[tuple[str, tuple[int, ...]]]:
    """Return other choices: the best of each other group, and single batch sizes of the chosen one."""
    others = []
    for index, members in enumerate(grids.groups):
        if index != group:
            best = grids.batches(index, levels)
            others.append((choice_name(contest, best), best))
        else:
            alike = ((member,) * len(picked) for member in members)
            others += [(choice_name(contest, each), each) for each in alike if each != tuple(picked)]
    return others


def choice_name(contest: Contest, picked: Sequence[int]) -> str:
    """Return a choice for people: "2 streams, batches 4, 2 and 1"."""
    chosen: list[Contender] = [contest.contenders[index] for index in picked]
    if len(set(chosen)) == 1:
        return chosen[0].name
    return f"batches {', '.join(str(each.batch_size) for each in chosen)}, {plural(chosen[0].streams, 'stream')}"
