"""The cells that leave a race because they are clearly slower, and races that are clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.calibration.choice import TOLERANCE

if TYPE_CHECKING:
    from mlperf_home.engines.calibration.choice import Grids
    from mlperf_home.engines.calibration.times import Floats, SliceTimes

# A cell leaves if it is slower by more than this, with this many standard deviations to spare.
_LEAVE, _SURE = TOLERANCE, 2.5


def slower_cells(grids: Grids, times: SliceTimes) -> set[tuple[int, int]]:
    """Return the cells that are clearly slower than another of their group, or whose group is slower than another."""
    levels, spread = times.levels(), times.deviations()
    leaving: set[tuple[int, int]] = set()
    leaders = [_fastest(group, levels) for group in grids.groups]
    for group, members in zip(grids.groups, leaders, strict=True):
        for length, leader in enumerate(members):
            gaps = levels[:, length] - levels[leader, length]
            limits = _LEAVE + _SURE * np.hypot(spread[:, length], spread[leader, length])
            leaving |= {(member, length) for member in group if gaps[member] > limits[member]}
    costs = [_cost(members, levels, spread) for members in leaders]
    least, least_sd = min(costs)
    for group, (cost, sd) in zip(grids.groups, costs, strict=True):
        if cost > least + _LEAVE + _SURE * np.hypot(sd, least_sd):
            leaving |= {(member, length) for member in group for length in range(levels.shape[1])}
    return leaving


def is_clear(grids: Grids, times: SliceTimes, margin: float) -> bool:
    """Whether every other cell is slower than the chosen one of its length by more than a share."""
    levels = times.levels()
    picked = grids.best(levels)[1]
    lengths = range(len(picked))
    others = levels - levels[list(picked), lengths]
    others[list(picked), lengths] = np.inf
    return bool(np.nanmin(others) > margin)


def _fastest(group: tuple[int, ...], levels: Floats) -> list[int]:
    """Return the fastest contender of a group at each length; the first of the group where none was measured."""
    seconds = np.where(np.isnan(levels), np.inf, levels)[list(group)]
    return [group[int(index)] for index in seconds.argmin(axis=0)]


def _cost(members: list[int], levels: Floats, spread: Floats) -> tuple[float, float]:
    """Return the logarithm of a choice's cost, and its standard deviation."""
    lengths = range(levels.shape[1])
    seconds = np.exp(levels[members, lengths])
    if np.isnan(seconds).any():
        return float("inf"), 0.0
    total = float(seconds.sum())
    return float(np.log(total)), float(np.sqrt(((seconds / total) ** 2 * spread[members, lengths] ** 2).sum()))
