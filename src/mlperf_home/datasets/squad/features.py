"""Make the model's inputs from questions and contexts, as MLPerf inference v3.1 does.

Semantics of `convert_examples_to_features` in its `create_squad_data.py`: each word is cut into pieces on its own. A
context that does not fit is split into overlapping windows. A token in several windows belongs to the window in which
its shorter side has the most context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from mlperf_home.datasets.squad.reading import KEPT_WORDS, model_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mlperf_home.datasets.squad.reading import Dataset, Vocabulary

MAX_SEQ_LENGTH = 384
DOC_STRIDE = 128
MAX_QUERY_LENGTH = 64
MAX_CHARACTERS_PER_WORD = 100


@dataclass(frozen=True)
class Features:
    """The model's inputs and the arrays for post-processing: n features, rows of 384.

    Attributes:
        input_ids: (n, 384) int64, padded with zeros.
        attention_mask: (n, 384) int64, 1 for real tokens.
        token_type_ids: (n, 384) int64, 1 for the context and its closing [SEP].
        lengths: (n,) int32, the number of real tokens.
        example_index: (n,) int32, ascending, the question of each feature.
        token_to_word: (n, 384) int32, the context's word of each token, -1 outside the context.
        max_context: (n, 384) bool, whether the token has its maximum context in this window.
    """

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    token_type_ids: NDArray[np.int64]
    lengths: NDArray[np.int32]
    example_index: NDArray[np.int32]
    token_to_word: NDArray[np.int32]
    max_context: NDArray[np.bool_]


class WordPieces:
    """A WordPiece tokeniser that encodes each distinct word once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ids = vocabulary.ids
        model = WordPiece(self._ids, unk_token="[UNK]", max_input_chars_per_word=MAX_CHARACTERS_PER_WORD)  # noqa: S106 - a token of the vocabulary
        self._tokenizer = Tokenizer(model)
        self._pieces: dict[str, list[int]] = {}

    def encode(self, texts: Iterable[str]) -> dict[str, list[int]]:
        """Return the token ids of each distinct text."""
        basic = {text: model_tokens(text) for text in set(texts)}
        fresh = sorted({token for tokens in basic.values() for token in tokens} - self._pieces.keys())
        unknown = self._ids["[UNK]"]
        for token, encoding in zip(fresh, self._tokenizer.encode_batch(fresh, add_special_tokens=False), strict=True):
            self._pieces[token] = [self._ids.get(token, unknown)] if token in KEPT_WORDS else encoding.ids
        return {text: [piece for token in tokens for piece in self._pieces[token]] for text, tokens in basic.items()}


def window_spans(token_count: int, room: int, stride: int = DOC_STRIDE) -> list[tuple[int, int]]:
    """Return (start, length) of the windows that cover a context of `token_count` tokens."""
    spans = []
    start = 0
    while start < token_count:
        length = min(room, token_count - start)
        spans.append((start, length))
        if start + length == token_count:
            break
        start += min(length, stride)
    return spans


def owned_tokens(spans: list[tuple[int, int]]) -> list[NDArray[np.bool_]]:
    """Return, for each window, whether each token has its maximum context there; the first of equal windows wins."""
    if len(spans) <= 1:
        return [np.ones(length, dtype=np.bool_) for _, length in spans]
    positions = np.arange(spans[-1][0] + spans[-1][1])
    scores = np.full((len(spans), len(positions)), -np.inf)
    for score, (start, length) in zip(scores, spans, strict=True):
        inside = positions[start : start + length]
        score[start : start + length] = np.minimum(inside - start, start + length - 1 - inside) + 0.01 * length
    owner = scores.argmax(axis=0)
    return [owner[start : start + length] == index for index, (start, length) in enumerate(spans)]


def make_features(dataset: Dataset, vocabulary: Vocabulary) -> Features:
    """Make the features of all questions, in the dataset's order."""
    pieces = WordPieces(vocabulary)
    questions = pieces.encode(example.question for example in dataset.examples)
    contexts = _encode_contexts(dataset, pieces)
    queries = [questions[example.question][:MAX_QUERY_LENGTH] for example in dataset.examples]
    spans = [
        window_spans(len(contexts[example.paragraph_index][0]), MAX_SEQ_LENGTH - len(query) - 3)
        for example, query in zip(dataset.examples, queries, strict=True)
    ]
    features = _blank(sum(map(len, spans)))
    ids = vocabulary.ids
    row = 0
    for index, (example, query) in enumerate(zip(dataset.examples, queries, strict=True)):
        context, words = contexts[example.paragraph_index]
        first = len(query) + 2
        head = [ids["[CLS]"], *query, ids["[SEP]"]]
        for (start, length), owned in zip(spans[index], owned_tokens(spans[index]), strict=True):
            last = first + length
            features.input_ids[row, :first] = head
            features.input_ids[row, first:last] = context[start : start + length]
            features.input_ids[row, last] = ids["[SEP]"]
            features.attention_mask[row, : last + 1] = 1
            features.token_type_ids[row, first : last + 1] = 1
            features.lengths[row] = last + 1
            features.example_index[row] = index
            features.token_to_word[row, first:last] = words[start : start + length]
            features.max_context[row, first:last] = owned
            row += 1
    return features


def _encode_contexts(dataset: Dataset, pieces: WordPieces) -> list[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Return the token ids of each paragraph and the word of each token."""
    encoded = pieces.encode(word for words in dataset.paragraphs for word in words)
    contexts = []
    for words in dataset.paragraphs:
        rows = [encoded[word] for word in words]
        token_ids = np.array([piece for row in rows for piece in row], dtype=np.int64)
        word_index = np.repeat(np.arange(len(words), dtype=np.int32), [len(row) for row in rows])
        contexts.append((token_ids, word_index))
    return contexts


def _blank(count: int) -> Features:
    shape = (count, MAX_SEQ_LENGTH)
    ids, mask, types = np.zeros((3, *shape), dtype=np.int64)
    lengths, example_index = np.zeros((2, count), dtype=np.int32)
    words, max_context = np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=np.bool_)
    return Features(ids, mask, types, lengths, example_index, words, max_context)
