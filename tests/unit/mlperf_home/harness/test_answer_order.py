"""Whether a single output holds the start of an answer first is checked on the dataset's questions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.grids import Grid
from mlperf_home.engines.base import BackendError
from mlperf_home.harness.answer_order import check_answer_order, needs_check

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = Grid((8, 16), (1, 1), 1)
MODEL = Path("m.onnx")


class Questions:
    """Questions of 12 tokens; a batch holds the question's number."""

    def __init__(self, count: int) -> None:
        self.count, self.lengths = count, np.full(count, 12, np.int32)
        self.loaded: list[int] = []

    def load(self, indices: list[int]) -> None:
        self.loaded += indices

    def unload(self, indices: list[int]) -> None:
        self.loaded = [each for each in self.loaded if each not in indices]

    def batch(self, indices: NDArray[np.intp], length: int) -> tuple[NDArray[np.int64], ...]:
        assert set(indices.tolist()) <= set(self.loaded)
        return (np.full((1, length), indices[0], np.int64),)


def engine(spans: list[tuple[int, int]]) -> Any:
    """Return a backend that answers each question with a span; padding and the first token score highest."""

    def run(inputs: tuple[NDArray[np.int64], ...]) -> NDArray[np.float32]:
        logits = np.zeros((1, inputs[0].shape[1], 2), np.float32)
        logits[0, 0] = logits[0, 12:] = 9
        start, end = spans[int(inputs[0][0, 0]) % len(spans)]
        logits[0, start, 0] = logits[0, end, 1] = 1
        return logits

    return SimpleNamespace(run=run)


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([(2, 5), (3, 9)], "start first is right: 16 of 16 answers"),
        ([(2, 5), (3, 9), (1, 4), (6, 2)], "start first is right: 12 of 16 answers"),
        ([(2, 5), (6, 2)], "start first is a convention, not checked: 8 of 16 answers"),
        ([(4, 4)], "start first is a convention, not checked: 0 of 0 answers"),
    ],
)
def test_the_outcome_is_a_warning(spans: list[tuple[int, int]], words: str) -> None:
    questions: Any = Questions(16)
    assert words in check_answer_order(engine(spans), questions, GRID, MODEL)
    assert questions.loaded == []


def test_answers_that_end_before_they_start_are_refused() -> None:
    questions: Any = Questions(500)
    with pytest.raises(BackendError, match=r"m\.onnx: only 0 of 16 answers .* holds the end first; add .*end,start"):
        check_answer_order(engine([(5, 2)]), questions, GRID, MODEL)


def test_few_questions_decide_nothing() -> None:
    questions: Any = Questions(3)
    assert "not checked: 0 of 3" in check_answer_order(engine([(5, 2)]), questions, GRID, MODEL)


@pytest.mark.parametrize(
    ("details", "expected"), [({"outputs_by": "convention"}, True), ({"outputs_by": "names"}, False), ({}, False)]
)
def test_only_a_convention_needs_the_check(details: dict[str, Any], expected: bool) -> None:
    questions: Any = Questions(3)
    assert needs_check(details, questions) is expected
    images: Any = SimpleNamespace(lengths=None)
    assert not needs_check(details, images)
