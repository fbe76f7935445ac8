"""The best answer of each question: from its features' logits to tokens, and from tokens to the context's text.

The reference sorts all candidates and keeps a list of the best 20 texts, but only the first counts. A stable sort puts
that first where `argmax` finds it: among equal scores the earliest in the order feature, start's rank, end's rank.

Its `get_final_text` in MLPerf inference v3.1 splits the context's text with `BasicTokenizer`, not with the model's
tokeniser; the two differ in how they lower (`mlperf_home.datasets.squad.reading`).
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
    """The best span of each feature: token indices, and the score (-inf where no span is valid); (n,) each."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    score: NDArray[np.float64]


def best_indices(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the columns of the 20 largest logits of each row, largest first, the left one first among equals."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :N_BEST]


def best_spans(start: Logits, end: Logits, in_context: Flags, max_context: Flags) -> Spans:
    """Find each feature's best valid span among its 20 best starts and ends; every array is (n, columns).

    A span is valid when both ends are in the context, its start has its maximum context here, and it has at most 30
    tokens.
    """
    parts = []
    for row in range(0, len(start), _ROWS_AT_ONCE):
        part = slice(row, row + _ROWS_AT_ONCE)
        first, last = best_indices(start[part]), best_indices(end[part])
        # The reference adds Python floats, so in double precision.
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
    """Return for each of `count` questions the feature with its best span, or -1 where none has a valid one."""
    best = np.full(count, -1, dtype=np.intp)
    best_score = np.full(count, -np.inf)
    for row, (example, score) in enumerate(zip(example_index.tolist(), spans.score.tolist(), strict=True)):
        if score > best_score[example]:
            best[example], best_score[example] = row, score
    return best


def join_pieces(tokens: Iterable[str]) -> str:
    """Put word pieces together into the text that the model saw."""
    return " ".join(" ".join(tokens).replace(" ##", "").replace("##", "").split())


def project(predicted: str, original: str) -> str:
    """Find `predicted` (lower case, split at punctuation) in `original` and give it as it is written there.

    Where the two cannot be aligned character by character, the whole of `original` is the answer.
    """
    text = " ".join(basic_tokens(original))
    first = text.find(predicted)
    if first < 0:
        return original
    last = first + len(predicted) - 1
    places = [index for index, character in enumerate(original) if character != " "]
    if len(places) != len(text) - text.count(" "):
        return original
    # A predicted text that is empty, or begins or ends at a space, aligns with nothing.
    if last < 0 or text[first] == " " or text[last] == " ":
        return original
    # How many characters other than spaces precede each end.
    begin, end = (index - text.count(" ", 0, index) for index in (first, last))
    return original[places[begin] : places[end] + 1]
