"""Find each question's best answer: its tokens from the logits, and their text in the context.

The reference sorts all candidates and keeps the best 20 texts, but scores only the first. `argmax` finds the same
candidate as its stable sort: among equal scores, the earliest in the order feature, start's rank, end's rank.

The reference's `get_final_text` in MLPerf inference v3.1 splits the context with `BasicTokenizer`, not with the model's
tokeniser. The two differ in lower-casing (`mlperf_home.datasets.squad.reading`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.datasets.squad.reading import basic_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Logits = NDArray[np.float32]
    Flags = NDArray[np.bool_]

N_BEST = 20
MAX_ANSWER_TOKENS = 30
_ROWS_AT_ONCE = 1024


class Spans(NamedTuple):
    """The best span of each feature: its token indices and its score (-inf without a valid span); (n,) each."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    score: NDArray[np.float64]


def best_indices(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the columns of the 20 largest logits of each row, largest first; equal logits from left to right."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :N_BEST]


def best_spans(start: Logits, end: Logits, in_context: Flags, max_context: Flags) -> Spans:
    """Find each feature's best valid span among its 20 best starts and ends; every array is (n, columns).

    A span is valid if both ends are in the context, its start has its maximum context in this feature, and it has at
    most 30 tokens.
    """
    parts = []
    for row in range(0, len(start), _ROWS_AT_ONCE):
        part = slice(row, row + _ROWS_AT_ONCE)
        first, last = best_indices(start[part]), best_indices(end[part])
        # The reference adds Python floats, which have double precision.
        first_score = np.take_along_axis(start[part], first, axis=1).astype(np.float64)
        last_score = np.take_along_axis(end[part], last, axis=1).astype(np.float64)
        first_score[~np.take_along_axis(in_context[part] & max_context[part], first, axis=1)] = -np.inf
        last_score[~np.take_along_axis(in_context[part], last, axis=1)] = -np.inf
        scores = first_score[:, :, None] + last_score[:, None, :]
        tokens = last[:, None, :] - first[:, :, None] + 1
        scores[(tokens < 1) | (tokens > MAX_ANSWER_TOKENS)] = -np.inf
        rows = np.arange(len(first))
        best_start, best_end = np.divmod(scores.reshape(len(rows), -1).argmax(axis=1), last.shape[1])
        parts.append(Spans(first[rows, best_start], last[rows, best_end], scores[rows, best_start, best_end]))
    return Spans(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def best_features(spans: Spans, example_index: NDArray[np.int32], count: int) -> NDArray[np.intp]:
    """Return the feature with the best span for each of `count` questions, -1 without a valid span."""
    best = np.full(count, -1, dtype=np.intp)
    best_score = np.full(count, -np.inf)
    for row, (example, score) in enumerate(zip(example_index.tolist(), spans.score.tolist(), strict=True)):
        if score > best_score[example]:
            best[example], best_score[example] = row, score
    return best


def join_pieces(tokens: Iterable[str]) -> str:
    """Join word pieces to the text that the model saw."""
    return " ".join(" ".join(tokens).replace(" ##", "").replace("##", "").split())


def project(predicted: str, original: str) -> str:
    """Return the part of `original` that corresponds to `predicted`; see `projected`."""
    first, last = projected(predicted, original)
    return original[first:last]


def projected(predicted: str, original: str) -> tuple[int, int]:
    """Return the ends of the part of `original` that corresponds to `predicted` (lower case, split at punctuation).

    If the two cannot be aligned character by character, return those of all of `original`.
    """
    text, whole = " ".join(basic_tokens(original)), (0, len(original))
    first = text.find(predicted)
    if first < 0:
        return whole
    last = first + len(predicted) - 1
    positions = [index for index, character in enumerate(original) if character != " "]
    if len(positions) != len(text) - text.count(" "):
        return whole
    # An empty text, or one with a space at either end, cannot be aligned.
    if last < 0 or text[first] == " " or text[last] == " ":
        return whole
    # The numbers of characters other than spaces before the two ends.
    begin, end = (index - text.count(" ", 0, index) for index in (first, last))
    return positions[begin], positions[end] + 1
