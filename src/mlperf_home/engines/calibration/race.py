"""The race: contenders are measured in slices, in random order, and clearly slower ones leave.

A round has a slice of each cell that is still in the race. Rounds follow each other until the budget ends, so that the
finalists are measured at separate times: a state of the machine that lasts for a minute cannot decide alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.calibration.choice import Grids, grids_of, probability
from mlperf_home.engines.calibration.leaving import is_clear, slower_cells
from mlperf_home.engines.calibration.times import SliceTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlperf_home.engines.calibration.shapes import Contest

# Openings may use this share of the budget; contenders that are not open by then are skipped.
_OPENING_SHARE = 0.5
_FEWEST_ROUNDS = 3
_EARLIEST_SHARE = 0.25
_SETTLED = 0.97
# Clearly slower: the machine's states, which may hide in a few rounds, change speeds by less.
_CLEAR, _CLEAR_ROUNDS = 0.20, 8


class Bench(Protocol):
    """The machine with the contenders' engines; contenders and lengths are indices."""

    def open(self, contender: int) -> None:
        """Open a contender's engine. Raise BackendError if the engine refuses it."""

    def close(self, contender: int) -> None:
        """Close a contender's engine."""

    def has_room(self) -> bool:
        """Whether another engine fits into memory beside the open ones."""

    def slice(self, contender: int, length: int) -> tuple[float, int]:
        """Return the seconds per sample of a slice, and the number of its calls; wait for a quiet machine."""

    @property
    def quiet(self) -> bool:
        """Whether all slices so far were undisturbed."""


@dataclass
class Race:
    """One race; `run` ends it by the budget, or as soon as the choice is settled."""

    contest: Contest
    bench: Bench
    budget_s: float
    clock: Callable[[], float]
    seed: int = 0
    skipped: list[str] = field(default_factory=list)
    settled: bool = False

    def __post_init__(self) -> None:
        self.times = SliceTimes(self.contest)
        self.grids: Grids = grids_of(self.contest)
        self._order = random.Random(self.seed)  # noqa: S311 - the order of slices is no secret
        self._waiting = list(range(len(self.contest.contenders)))
        self._cells: set[tuple[int, int]] = set()
        self._started_s = self.clock()

    def run(self) -> None:
        """Run the race; close all engines at its end.

        Raises:
            BackendError: the engine refuses every contender.
        """
        try:
            while self._more():
                self._open()
                self.times.begin_round()
                for contender, length in self._shuffled():
                    if self.times.rounds > 1 and self._spent_s >= self.budget_s:
                        break
                    self.times.add((contender, length), *self.bench.slice(contender, length))
                self._let_leave()
                self.settled = self.bench.quiet and not self._waiting and self._is_settled()
        finally:
            for contender in self._open_ones():
                self.bench.close(contender)
            self.skipped += [f"{self.contest.contenders[each].name}: no time left" for each in self._waiting]

    @property
    def _spent_s(self) -> float:
        return self.clock() - self._started_s

    def _more(self) -> bool:
        alone = len(self.contest.contenders) - len(self.skipped) == 1
        if alone and self.times.rounds >= _FEWEST_ROUNDS:
            self.settled = True
        return not self.times.rounds or not (self.settled or self._spent_s >= self.budget_s)

    def _open_ones(self) -> list[int]:
        return sorted({contender for contender, _ in self._cells})

    def _open(self) -> None:
        """Open contenders while time and memory allow; the first that the engine accepts is always opened."""
        while self._waiting and (not self._cells or self._may_open()):
            contender = self._waiting.pop(0)
            try:
                self.bench.open(contender)
            except BackendError as error:
                # Other contenders may fit into memory.
                self.skipped.append(f"{self.contest.contenders[contender].name}: {error}")
                if not self._waiting and not self._cells and not self.times.rounds:
                    raise
                continue
            self._cells |= {(contender, length) for length in range(len(self.contest.probes))}

    def _may_open(self) -> bool:
        if self._spent_s >= _OPENING_SHARE * self.budget_s:
            return False
        if self.bench.has_room():
            return True
        if self.times.rounds >= _FEWEST_ROUNDS and len(self._open_ones()) > 1:
            self._make_room()
            return self.bench.has_room()
        return False

    def _make_room(self) -> None:
        """Close the open contender that is farthest from any choice."""
        levels = self.times.levels()[open_ones := self._open_ones()]
        least = np.min(np.where(np.isnan(levels), np.inf, levels), axis=0)
        # A contender that was not measured yet stays.
        gaps = np.where(np.isnan(levels), -np.inf, levels - least).min(axis=1)
        self._close(open_ones[int(np.argmax(gaps))])

    def _close(self, contender: int) -> None:
        self._cells = {cell for cell in self._cells if cell[0] != contender}
        self.bench.close(contender)

    def _shuffled(self) -> Iterator[tuple[int, int]]:
        cells = sorted(self._cells)
        self._order.shuffle(cells)
        return iter(cells)

    def _let_leave(self) -> None:
        if self.times.rounds < _FEWEST_ROUNDS:
            return
        before = self._open_ones()
        self._cells -= slower_cells(self.grids, self.times)
        for contender in set(before) - set(self._open_ones()):
            self.bench.close(contender)

    def _is_settled(self) -> bool:
        """Whether the choice is clear: nothing else is left, or all else is equally good."""
        rounds, spent = self.times.rounds, self._spent_s
        if rounds >= _CLEAR_ROUNDS and is_clear(self.grids, self.times, _CLEAR):
            return True
        if rounds < 2 * _CLEAR_ROUNDS or spent < _EARLIEST_SHARE * self.budget_s:
            return False
        picked = self.grids.best(self.times.levels())[1]
        return probability(self.grids, picked, self.times) >= _SETTLED
