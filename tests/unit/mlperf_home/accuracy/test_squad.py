"""SQuAD's answers and scores equal those of a slow implementation in this file."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlperf_home.accuracy.question_scores import Scores, f1, normalise, score
from mlperf_home.accuracy.spans import best_features, best_indices, best_spans, join_pieces, project
from mlperf_home.datasets.squad.reading import Example, basic_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence


def _slow_best(values: Sequence[float], count: int) -> list[int]:
    """Rank by value, then by position."""
    return sorted(range(len(values)), key=lambda place: (-values[place], place))[:count]


# Few different values make many ties.
logit_rows = st.lists(st.sampled_from([-10000.0, -1.5, -0.0, 0.0, 0.25, 3.0]), min_size=40, max_size=40)


@settings(deadline=None)
@given(st.lists(logit_rows, min_size=1, max_size=3))
def test_best_20_are_ranked_by_value_then_position(rows: list[list[float]]) -> None:
    ranked = best_indices(np.array(rows, dtype=np.float32))
    assert ranked.tolist() == [_slow_best(row, 20) for row in rows]


def _slow_candidates(
    start: list[float], end: list[float], context: list[bool], owned: list[bool]
) -> list[tuple[float, int, int]]:
    candidates = []
    for first in _slow_best(start, 20):
        for last in _slow_best(end, 20):
            in_context = context[first] and context[last] and owned[first]
            if in_context and first <= last < first + 30:
                candidates.append((start[first] + end[last], first, last))
    return candidates


@settings(deadline=None)
@given(st.data())
def test_best_span_is_the_first_sorted_candidate(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    starts = [data.draw(logit_rows) for _ in range(count)]
    ends = [data.draw(logit_rows) for _ in range(count)]
    begins = data.draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    context = [[column >= begin for column in range(40)] for begin in begins]
    owned = [[inside and data.draw(st.booleans()) for inside in row] for row in context]
    example_index = sorted(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))

    spans = best_spans(
        *(np.array(rows, dtype=np.float32) for rows in (starts, ends)), np.array(context), np.array(owned)
    )
    rows = best_features(spans, np.array(example_index, dtype=np.int32), 3)

    for question in range(3):
        candidates = [
            (*candidate, feature)
            for feature in range(count)
            if example_index[feature] == question
            for candidate in _slow_candidates(starts[feature], ends[feature], context[feature], owned[feature])
        ]
        # Python's sort is stable, like the reference's.
        best = sorted(candidates, key=lambda candidate: -candidate[0])[:1]
        row = int(rows[question])
        found = [] if row < 0 else [(float(spans.score[row]), int(spans.first[row]), int(spans.last[row]), row)]
        assert found == best


def test_spans_across_slices_of_rows() -> None:
    start = np.zeros((2500, 8), dtype=np.float32)
    start[np.arange(2500), np.arange(2500) % 8] = 5
    everywhere = np.ones((2500, 8), dtype=np.bool_)
    spans = best_spans(start, start, everywhere, everywhere)
    assert (spans.first == np.arange(2500) % 8).all()
    assert (spans.last == spans.first).all()
    assert (spans.score == 10).all()


@pytest.mark.parametrize(
    ("predicted", "original", "expected"),
    [
        ("steve smith", "Steve Smith's", "Steve Smith"),
        ("1895", "(1895-1943).", "1895"),
        ("cafe", "Caf\u00e9,", "Caf\u00e9"),
        ("smith ' s", "Steve Smith's", "Smith's"),
        ("[UNK]", "Zo\u00eb", "Zo\u00eb"),
        ("nowhere", "Steve", "Steve"),
        ("", "Steve", "Steve"),
        ("", "\u0301", "\u0301"),
        # A removed character breaks the alignment, so the whole text is the answer.
        ("b", "a\u200b b c", "a\u200b b c"),
        ("no break", "no\u00a0break", "no\u00a0break"),
        ("\u03bf\u03c2", "(\u039f\u03a3)", "\u039f\u03a3"),
        ("\u03bf\u03c3", "(\u039f\u03a3)", "(\u039f\u03a3)"),
    ],
)
def test_projection_into_the_original_text(predicted: str, original: str, expected: str) -> None:
    assert project(predicted, original) == expected


def _slow_project(predicted: str, original: str) -> str:
    """Align two texts through dictionaries of their characters other than spaces."""
    text = " ".join(basic_tokens(original))
    place = text.find(predicted)
    seen = {place: rank for rank, place in enumerate(index for index, c in enumerate(text) if c != " ")}
    written = dict(enumerate(index for index, c in enumerate(original) if c != " "))
    if place == -1 or len(seen) != len(written):
        return original
    first, last = seen.get(place), seen.get(place + len(predicted) - 1)
    if first is None or last is None:
        return original
    return original[written[first] : written[last] + 1]


@settings(deadline=None)
@given(
    st.text(st.sampled_from("aB .'\u00c9\u0301\u200b\u00a0\u4e2d\u03a3\u0130")), st.integers(0, 12), st.integers(0, 12)
)
@example("a B", 0, 2)
def test_projection_equals_the_slow_implementation(original: str, first: int, last: int) -> None:
    text = " ".join(basic_tokens(original))
    for predicted in (text[first:last], text[first:last].strip(), "b"):
        assert project(predicted, original) == _slow_project(predicted, original)


def test_word_pieces_are_joined() -> None:
    assert join_pieces(["un", "##aff", "##able", ",", "##x"]) == "unaffable ,x"
    assert join_pieces(["##able", "b"]) == "able b"
    assert join_pieces([]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat's, hat!", "cats hat"),
        ("A an the", ""),
        ("Theatre another", "theatre another"),
        ("the-an", "thean"),
        ("\u201cquoted\u201d", "\u201cquoted\u201d"),
        ("a\u00a0b", "b"),
    ],
)
def test_answers_are_normalised(text: str, expected: str) -> None:
    assert normalise(text) == expected


def _score(prediction: str, *answers: str) -> Scores:
    return score([Example("q", "?", answers, 0)], {"q": prediction})


def test_known_scores() -> None:
    assert _score("The cat", "a cat") == (100.0, 100.0)
    assert _score("cat sat", "cat", "dog") == (0.0, pytest.approx(200 / 3))
    assert _score("cat cat", "cat") == (0.0, pytest.approx(200 / 3))
    assert _score("dog", "cat") == (0.0, 0.0)
    # Two texts that normalise to "" match exactly but share no word.
    assert _score("the", "a") == (100.0, 0.0)
    assert f1("", "cat") == 0.0


def _slow_words(text: str) -> list[str]:
    kept = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(?:the|an|a)\b", " ", kept).split()


def _slow_score(pairs: list[tuple[str, list[str]]]) -> dict[str, Any]:
    exact: int = 0
    overlap: float = 0
    for prediction, answers in pairs:
        exact += any(_slow_words(prediction) == _slow_words(answer) for answer in answers)
        values: list[float] = [0]
        for answer in answers:
            predicted, accepted = _slow_words(prediction), _slow_words(answer)
            same = sum(min(predicted.count(word), accepted.count(word)) for word in set(predicted))
            if same:
                precision = 1.0 * same / len(predicted)
                recall = 1.0 * same / len(accepted)
                values.append((2 * precision * recall) / (precision + recall))
        overlap += max(values)
    return {"exact_match": 100.0 * exact / len(pairs), "f1": 100.0 * overlap / len(pairs)}


answer_texts = st.text(st.sampled_from("ab the.\u00c9 -"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(answer_texts, st.lists(answer_texts, min_size=1, max_size=3)), min_size=1, max_size=20))
def test_scores_equal_the_slow_implementation(pairs: list[tuple[str, list[str]]]) -> None:
    examples = [Example(str(number), "?", tuple(answers), 0) for number, (_, answers) in enumerate(pairs)]
    scores = score(examples, {str(number): prediction for number, (prediction, _) in enumerate(pairs)})
    assert scores._asdict() == _slow_score(pairs)
