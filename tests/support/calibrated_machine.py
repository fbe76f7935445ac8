"""A simulated machine for calibrations: states from seconds to minutes, drift, outliers, and a clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.runs.grids import Candidates
from mlperf_home.engines.calibration.choice import grids_of
from mlperf_home.engines.calibration.shapes import grid_contest, thread_contest

if TYPE_CHECKING:
    from mlperf_home.engines.calibration.shapes import Contest

SLICE_S = 0.33
# Milliseconds of a sample at a length, one stream and batch 1; the time of each other cell relative to that.
_BERT_MS = (6.8, 20.0, 33.0)
_BERT = {
    (1, 1): (1.0, 1.0, 1.0), (1, 2): (0.90, 0.95, 0.97), (1, 4): (0.85, 0.93, 0.97), (1, 8): (0.83, 0.95, 1.02),
    (2, 1): (0.93, 0.90, 0.91), (2, 2): (0.85, 0.87, 0.90), (2, 4): (0.80, 0.88, 0.93), (2, 8): (0.80, 0.92, 0.99),
}  # fmt: skip
_TFLITE = {1: 1.0, 2: 0.82}


@dataclass(frozen=True)
class _State:
    """A slow state: its factor, the share of time, and the mean length of a stay in seconds."""

    factor: float
    share: float
    stay_s: float


_COMMON = (_State(1.25, 0.25, 5.0), _State(1.12, 0.3, 60.0))
_OF_SEVERAL = _State(1.12, 0.15, 20.0)
"""A state that slows only two streams or threads."""


class _Switch:
    """A state that comes and goes; asked at increasing times."""

    def __init__(self, state: _State, random: np.random.Generator) -> None:
        self._state, self._random = state, random
        self.slow = bool(random.random() < state.share)
        self._until_s = 0.0

    def factor(self, at_s: float) -> float:
        while at_s >= self._until_s:
            self.slow = not self.slow if self._until_s else self.slow
            other = self._state.stay_s * (1 - self._state.share) / self._state.share
            self._until_s += self._random.exponential(self._state.stay_s if self.slow else other)
        return self._state.factor if self.slow else 1.0


class MoodyBench:
    """A `Bench` whose time passes in openings and slices only."""

    quiet = True

    def __init__(self, kind: str, seed: int, *, open_s: float | None = None) -> None:
        self.random = random = np.random.default_rng(seed)
        self.contest: Contest = (
            grid_contest(Candidates(lengths=(96, 224, 384))) if kind == "bert" else thread_contest(2)
        )
        self.open_s = open_s if open_s is not None else (1.5 if kind == "bert" else 0.05)
        self.now_s = 0.0
        relative = np.array(
            [
                [_BERT[each.streams, each.batch_size][length] * _BERT_MS[length] / 1000 for length in range(3)]
                if kind == "bert"
                else [_TFLITE[each.threads or 1] * 1.6e-4]
                for each in self.contest.contenders
            ]
        )
        self._several = np.array([max(each.streams, each.threads or 1) > 1 for each in self.contest.contenders])
        # Each machine has speeds of its own.
        spread = np.exp(random.normal(0, 0.06, size=(2, 1, 1)))[self._several.astype(int)][:, 0]
        self.seconds = relative * spread * np.exp(random.normal(0, 0.03, size=relative.shape))
        self._opening: dict[int, float] = {}
        self._common = [_Switch(each, random) for each in _COMMON]
        self._of_several = _Switch(_OF_SEVERAL, random)
        self._phase = random.uniform(0, 2 * math.pi)

    def clock(self) -> float:
        return self.now_s

    def open(self, contender: int) -> None:
        self.now_s += self.open_s
        self._opening[contender] = math.exp(self.random.normal(0, 0.01))

    def close(self, contender: int) -> None:
        del self._opening[contender]

    def has_room(self) -> bool:
        return True

    def slice(self, contender: int, length: int) -> tuple[float, int]:
        factor = self._opening[contender] * math.exp(self.random.normal(0, 0.03))
        for switch in self._common:
            factor *= switch.factor(self.now_s)
        slow = self._of_several.factor(self.now_s)
        factor *= slow if self._several[contender] else 1.0
        factor *= 1 + 0.05 * math.sin(self._phase + self.now_s / 90)
        if self.random.random() < 0.04:
            factor *= self.random.uniform(1.2, 3.0)
        self.now_s += SLICE_S
        return float(self.seconds[contender, length] * factor), 10

    def loss(self, picked: tuple[int, ...]) -> float:
        """Return how much slower a choice is in the long run than the best one, as a share."""
        slow = 1 + (_OF_SEVERAL.factor - 1) * _OF_SEVERAL.share
        levels = np.log(self.seconds * np.where(self._several, slow, 1.0)[:, None])
        grids = grids_of(self.contest)
        return grids.cost(picked, levels) / float(grids.least_costs(levels[None])[0]) - 1
