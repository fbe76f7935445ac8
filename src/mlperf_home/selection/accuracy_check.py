"""The F1 of an open engine on some questions, with its confidence, against the least one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.accuracy.squad import PADDING_LOGIT, Logits, f1_by_question
from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary
from mlperf_home.datasets.squad.samples import VOCABULARY_FILE, SquadSamples, read_array
from mlperf_home.harness.queries.parts import buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.engines.base import Backend

_NORMAL_95 = 1.96
_MOST_QUESTIONS = 400
_FEWEST_QUESTIONS = 16
_PERCENT = 100.0


@dataclass(frozen=True)
class F1Estimate:
    """A mean F1 in percent, and the bounds of its 95 % interval."""

    percent: float
    low: float
    high: float
    questions: int

    @property
    def words(self) -> str:
        """The estimate for people."""
        return f"F1 {self.percent:.2f} (95 %: {self.low:.1f} to {self.high:.1f}) on {self.questions} questions"


def estimate_of(scores: Sequence[float]) -> F1Estimate:
    """Return the estimate of the F1s of some questions, each from 0 to 1.

    One more answer of each kind, wrong and right, is counted for the spread: equal scores would have none.
    """
    count, mean = len(scores), sum(scores) / len(scores)
    padded = np.array([*scores, 0.0, 1.0])
    margin = _NORMAL_95 * float(padded.std()) / math.sqrt(count)
    low, high = max(0.0, mean - margin), min(1.0, mean + margin)
    return F1Estimate(_PERCENT * mean, _PERCENT * low, _PERCENT * high, count)


@dataclass(frozen=True)
class QuestionFiles:
    """The folder of preprocessed questions, and the file that they were made from."""

    features: Path
    questions: Path


def check_f1(
    backend: Backend,
    grid: Grid,
    files: QuestionFiles,
    among: Sequence[int] | None = None,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> F1Estimate:
    """Infer questions, as many as fit into the time, and estimate the F1.

    They are `among` these positions in the file, or else lie evenly in it.

    Raises:
        DatasetError: the features or the questions cannot be read.
    """
    samples, dataset = SquadSamples(files.features), read_dataset(files.questions)
    question_of = np.asarray(read_array(files.features, "example_index", samples.count))
    if among is None:
        count = len(dataset.examples)
        among = np.unique(np.linspace(0, count - 1, min(_MOST_QUESTIONS, count)).astype(int)).tolist()
    asked: list[int] = []
    rows: list[int] = []
    logits: list[NDArray[np.float32]] = []
    began_s = clock()
    # Any first part of a random order lies evenly too.
    for question in np.random.default_rng(0).permutation(among).tolist():
        if len(asked) >= _FEWEST_QUESTIONS and clock() - began_s >= seconds:
            break
        asked.append(question)
        own = np.flatnonzero(question_of == question).tolist()
        rows += own
        logits += [_infer(backend, samples, grid, row) for row in own]
    both = np.stack(logits)
    vocabulary = read_vocabulary(files.features / VOCABULARY_FILE)
    answers = Logits(both[..., 0], both[..., 1], "")
    scores = f1_by_question(dataset, files.features, vocabulary, answers, np.array(rows))
    return estimate_of([scores[question] for question in asked])


def _infer(backend: Backend, samples: SquadSamples, grid: Grid, row: int) -> NDArray[np.float32]:
    """Return the logits of a feature, (columns, 2), with those of padding as in accuracy logs."""
    assert samples.lengths is not None  # noqa: S101 - questions have lengths
    index = np.array([row])
    length = grid.lengths[buckets(samples.lengths[index], grid)[0]]
    logits = backend.run(samples.batch(index, length))[0, : samples.lengths[row]]
    padded = np.full((samples.max_length, 2), PADDING_LOGIT, dtype=np.float32)
    padded[: len(logits)] = logits
    return padded
