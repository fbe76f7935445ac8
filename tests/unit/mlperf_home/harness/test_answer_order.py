"""Whether a single output holds the start of an answer first is checked on the dataset's questions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineDescription
from mlperf_home.harness.answer_order import check_answer_order, order_warning

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


def details(*outputs: str, by: str = "order") -> EngineDescription:
    return EngineDescription("stub", "1", {"outputs": list(outputs), "outputs_by": by})


ONE, TWO = details("logits[0]", "logits[1]", by="axis"), details("a", "b")
CLEAR = ([(2, 5), (3, 9)], [(2, 5), (3, 9), (1, 4), (6, 2)])
UNCLEAR = ([(2, 5), (6, 2)], [(4, 4)])


def check(spans: list[tuple[int, int]], description: EngineDescription, count: int = 500) -> str:
    questions: Any = Questions(count)
    found = check_answer_order(engine(spans), description, questions, GRID, MODEL)
    assert questions.loaded == []
    return found


@pytest.mark.parametrize("spans", CLEAR)
@pytest.mark.parametrize("description", [ONE, TWO])
def test_a_clear_outcome_is_a_warning(spans: list[tuple[int, int]], description: EngineDescription) -> None:
    start = description.details["outputs"][0]
    assert f"{start} is the start: 1{'6' if len(spans) == 2 else '2'} of 16 answers" in check(spans, description, 16)


@pytest.mark.parametrize(("description", "turned"), [(ONE, "end,start"), (TWO, "b,a")])
def test_answers_that_end_before_they_start_are_refused(description: EngineDescription, turned: str) -> None:
    with pytest.raises(BackendError, match=r"m\.onnx: only 0 of 16 answers .* is the end; add ") as caught:
        check([(5, 2)], description)
    assert f'{{"outputs": "{turned}"}}' in str(caught.value)


@pytest.mark.parametrize("spans", UNCLEAR)
def test_undecided_order_is_a_convention_for_one_output(spans: list[tuple[int, int]]) -> None:
    assert "logits[0] is taken for the start, as in BERT's own code, unchecked" in check(spans, ONE)
    with pytest.raises(BackendError, match=r"outputs \(a, b\) do not tell .* name both by .*START,END"):
        check(spans, TWO)


def test_few_questions_decide_nothing() -> None:
    assert "unchecked: 0 of 3" in check([(5, 2)], ONE, 3)


@pytest.mark.parametrize("description", [details("a", "b", by="names"), EngineDescription("echo", "1", {})])
def test_outputs_that_names_tell_need_no_check(description: EngineDescription) -> None:
    assert check([(5, 2)], description) == ""
    assert order_warning(description) == ""


def test_a_performance_run_says_that_it_did_not_check() -> None:
    assert order_warning(TWO).endswith("an accuracy run checks it.")
