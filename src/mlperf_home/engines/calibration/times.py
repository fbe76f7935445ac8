"""The times of slices, and the speeds that they tell.

A slice's logarithm is a sum of the cell's own level, the mood of the machine in that round, and noise. Moods are
common to all cells of a round and cancel out, even where cells left the race early.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.engines.calibration.shapes import Contest

    Floats = NDArray[np.float64]

_ITERATIONS = 8
_OUTLIER = 3.0  # in standard deviations, estimated by the median deviation
_NORMAL_MAD = 1.4826
_LEAST_SD = 0.005
_RESAMPLES = 200
_BLOCKS = 6  # rounds are resampled in blocks, because moods last for several rounds


class SliceTimes:
    """Seconds per sample by round and cell, a contender at a length; a cell that was not measured is NaN."""

    def __init__(self, contest: Contest) -> None:
        self._shape = (len(contest.contenders), len(contest.probes))
        self._rounds: list[Floats] = []
        self._fitted: tuple[Floats, Floats] | None = None
        self.calls = np.zeros(self._shape, dtype=np.int64)

    @property
    def rounds(self) -> int:
        """The number of rounds so far."""
        return len(self._rounds)

    def begin_round(self) -> None:
        """Begin another round; a round has at most one slice of each cell."""
        self._rounds.append(np.full(self._shape, np.nan))
        self._fitted = None

    def add(self, cell: tuple[int, int], seconds: float, calls: int) -> None:
        """Keep a slice of a cell, seconds per sample, in the current round."""
        self._rounds[-1][cell] = math.log(seconds)
        self._fitted = None
        self.calls[cell] += calls

    def counts(self) -> NDArray[np.int64]:
        """Return the number of slices of each cell."""
        return np.asarray(np.sum(~np.isnan(self._table()), axis=0))

    def levels(self) -> Floats:
        """Return the logarithm of each cell's seconds per sample, (contender, length); NaN if it is unknown."""
        return self._fit()[0]

    def deviations(self) -> Floats:
        """Return the standard deviation of each cell's level."""
        level, rest = self._fit()
        counts = np.maximum(1, np.sum(~np.isnan(rest), axis=0))
        squares = np.nansum((rest - level) ** 2, axis=0)
        pooled = np.nansum(squares) / max(1, int(np.sum(counts) - np.sum(~np.isnan(level))))
        # A few slices tell little about their own spread.
        variance = (squares + 4 * pooled) / (counts - 1 + 4)
        return np.asarray(np.sqrt(np.maximum(variance, _LEAST_SD**2) / counts))

    def resampled(self, seed: int = 0) -> Floats:
        """Return levels of resampled rounds, (resample, contender, length), determined by the seed."""
        level, rest = self._fit()
        rounds, generator = len(rest), np.random.default_rng(seed)
        size = max(1, round(rounds / _BLOCKS))
        starts = generator.integers(0, rounds, size=(_RESAMPLES, math.ceil(rounds / size)))
        chosen = ((starts[..., None] + np.arange(size)) % rounds).reshape(_RESAMPLES, -1)[:, :rounds]
        drawn = rest[chosen]
        known = np.sum(~np.isnan(drawn), axis=1)
        sums = np.nansum(drawn, axis=1)
        means = np.where(known > 0, sums / np.maximum(known, 1), level)
        # One slice has no spread of its own.
        few = np.sum(~np.isnan(rest), axis=0) < 3  # noqa: PLR2004
        jitter = generator.normal(size=means.shape) * self.deviations()
        return np.where(few, level + jitter, means)

    def _fit(self) -> tuple[Floats, Floats]:
        if self._fitted is None:
            self._fitted = _fit(self._table())
        return self._fitted

    def _table(self) -> Floats:
        return np.stack(self._rounds) if self._rounds else np.full((1, *self._shape), np.nan)


def _fit(table: Floats) -> tuple[Floats, Floats]:
    """Return the levels, and the slices without moods and with outliers clipped, (round, contender, length)."""
    rounds, shape = len(table), table.shape[1:]
    flat = table.reshape(rounds, -1)
    known = ~np.isnan(flat)
    cells, times = known.any(axis=0), known.any(axis=1)
    used = flat[np.ix_(times, cells)]
    level, mood = _median(used, 0), np.zeros(len(used))
    rest = used
    for _ in range(_ITERATIONS):
        mood = _median(used - level, 1)
        rest = _clipped(used - mood[:, None])
        level = np.nanmean(rest, axis=0)
    levels = np.full(flat.shape[1], np.nan)
    levels[cells] = level
    without = np.full(flat.shape, np.nan)
    without[np.ix_(times, cells)] = rest
    return levels.reshape(shape), without.reshape(table.shape)


def _median(values: Floats, axis: int) -> Floats:
    """Return medians without NaN; of small arrays, faster than NumPy's by an order of magnitude."""
    ordered = np.sort(values, axis=axis)  # NaN comes last
    counts = np.sum(~np.isnan(values), axis=axis, keepdims=True)
    middle = (np.take_along_axis(ordered, each, axis) for each in ((counts - 1) // 2, counts // 2))
    return np.asarray(sum(middle) / 2).squeeze(axis)


def _clipped(values: Floats) -> Floats:
    """Return values with each column's outliers moved to the edge of the others."""
    middle = _median(values, 0)
    spread = np.maximum(_NORMAL_MAD * _median(np.abs(values - middle), 0), _LEAST_SD)
    return np.clip(values, middle - _OUTLIER * spread, middle + _OUTLIER * spread)
