"""The model's inputs equal a slow implementation's and the known counts of real questions."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers")

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad.features import WordPieces, make_features, owned_tokens, window_spans
from mlperf_home.datasets.squad.reading import (
    Dataset,
    Example,
    Vocabulary,
    basic_tokens,
    model_tokens,
    read_dataset,
    read_vocabulary,
)

SQUAD = Path(__file__).resolve().parents[5] / "../shared/data/squad"
needs_questions = pytest.mark.skipif(not SQUAD.is_dir(), reason="the real questions are not on this machine")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz\u03c3\u03c2"


def _vocabulary(*tokens: str) -> Vocabulary:
    return Vocabulary((*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), ".", *tokens), "", b"")


def _dataset(context: list[str], *questions: str) -> Dataset:
    examples = tuple(Example(f"q{number}", text, ("a",), 0) for number, text in enumerate(questions))
    return Dataset("d", "1.1", "", (tuple(context),), examples)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", ",", "world", "!"]),
        ("na\u00efve caf\u00e9", ["naive", "cafe"]),
        ("\u4e2d\u6587abc", ["\u4e2d", "\u6587", "abc"]),
        ("zero\u200bwidth\ufffd\x00", ["zerowidth"]),
        ("no\u00a0break", ["no", "break"]),
        ("a_b$c", ["a", "_", "b", "$", "c"]),
        ("6\u00bd \u20ac5", ["6\u00bd", "\u20ac5"]),
        ("\u0130stanbul", ["istanbul"]),
        ("[SEP] [sep]", ["[SEP]", "[", "sep", "]"]),
        ("\u0301\u0301", []),
        ("line\u2028end", ["line", "end"]),
    ],
)
def test_texts_split_into_basic_tokens(text: str, expected: list[str]) -> None:
    assert basic_tokens(text) == expected
    assert model_tokens(text) == expected


def test_only_projection_keeps_the_final_sigma() -> None:
    assert basic_tokens("\u039f\u03a3") == ["\u03bf\u03c2"]
    assert model_tokens("\u039f\u03a3") == ["\u03bf\u03c3"]


def test_word_of_more_than_100_characters_is_unknown() -> None:
    pieces = WordPieces(_vocabulary())
    encoded = pieces.encode(["a" * 100, "a" * 101, "\u4e2d", "[SEP]"])
    assert len(encoded["a" * 100]) == 100
    assert encoded["a" * 101] == encoded["\u4e2d"] == [SPECIAL.index("[UNK]")]
    assert encoded["[SEP]"] == [SPECIAL.index("[SEP]")]


@settings(deadline=None)
@given(st.integers(0, 1500), st.integers(317, 381))
def test_each_token_belongs_to_exactly_one_window(token_count: int, room: int) -> None:
    spans = window_spans(token_count, room)
    owners = np.zeros(token_count, dtype=int)
    for (start, length), owned in zip(spans, owned_tokens(spans), strict=True):
        assert length <= room
        owners[start : start + length] += owned
    assert (owners == 1).all()
    assert all(later[0] - earlier[0] == 128 for earlier, later in itertools.pairwise(spans))


def _slow_owner(spans: list[tuple[int, int]], position: int) -> int:
    best, best_score = -1, float("-inf")
    for index, (start, length) in enumerate(spans):
        if start <= position < start + length:
            score = min(position - start, start + length - 1 - position) + 0.01 * length
            if score > best_score:
                best, best_score = index, score
    return best


def _slow_rows(dataset: Dataset, pieces: WordPieces) -> list[dict[str, Any]]:
    """Make the features one by one, token by token."""
    rows = []
    for index, example in enumerate(dataset.examples):
        query = pieces.encode([example.question])[example.question][:64]
        tokens = [
            (piece, number)
            for number, word in enumerate(dataset.paragraphs[example.paragraph_index])
            for piece in pieces.encode([word])[word]
        ]
        spans = window_spans(len(tokens), 384 - len(query) - 3)
        for span_index, (start, length) in enumerate(spans):
            inside = tokens[start : start + length]
            owned = [_slow_owner(spans, start + offset) == span_index for offset in range(length)]
            head = len(query) + 2
            rows.append(
                {
                    "input_ids": [2, *query, 3, *(piece for piece, _ in inside), 3],
                    "attention_mask": [1] * (head + length + 1),
                    "token_type_ids": [0] * head + [1] * (length + 1),
                    "token_to_word": [-1] * head + [number for _, number in inside],
                    "max_context": [False] * head + owned,
                    "lengths": head + length + 1,
                    "example_index": index,
                }
            )
    return rows


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.text("ab.", min_size=1, max_size=4), min_size=1, max_size=400),
    st.lists(st.text("ab .", max_size=90), min_size=1, max_size=3),
)
def test_features_equal_the_slow_implementation(words: list[str], questions: list[str]) -> None:
    dataset = _dataset(words, *questions)
    vocabulary = _vocabulary("ab", "##ab")
    features = make_features(dataset, vocabulary)
    rows = _slow_rows(dataset, WordPieces(vocabulary))
    assert len(rows) == len(features.lengths)
    for number, row in enumerate(rows):
        for name, expected in row.items():
            made = getattr(features, name)[number]
            if isinstance(expected, list):
                padding = -1 if name == "token_to_word" else 0
                assert made.tolist() == expected + [padding] * (384 - len(expected)), name
            else:
                assert made == expected


def test_context_without_tokens_has_no_features() -> None:
    assert len(make_features(_dataset(["\u0301"], "a"), _vocabulary()).lengths) == 0


@needs_questions
def test_counts_of_real_questions() -> None:
    dataset = read_dataset(SQUAD / "xquad.en.json")
    features = make_features(dataset, read_vocabulary(SQUAD / "vocab.txt"))
    assert len(dataset.examples) == 1190
    assert len(features.lengths) == 1232
    percentiles = np.percentile(features.lengths, [5, 25, 50, 75, 90, 95, 99]).round().astype(int).tolist()
    assert percentiles == [91, 134, 166, 219, 271, 359, 384]
    assert round(float(features.lengths.mean())) == 183
    assert (features.attention_mask.sum(axis=1) == features.lengths).all()
    context = features.token_to_word >= 0
    assert (features.max_context <= context).all()


@needs_questions
def test_tokens_of_real_questions_equal_the_librarys() -> None:
    from tokenizers import BertWordPieceTokenizer

    library = BertWordPieceTokenizer(str(SQUAD / "vocab.txt"), lowercase=True)
    dataset = read_dataset(SQUAD / "xquad.en.json")
    texts = sorted(
        {example.question for example in dataset.examples} | {word for row in dataset.paragraphs for word in row}
    )
    encoded = WordPieces(read_vocabulary(SQUAD / "vocab.txt")).encode(texts)
    theirs = library.encode_batch(texts, add_special_tokens=False)
    assert [text for text, their in zip(texts, theirs, strict=True) if encoded[text] != their.ids] == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a\nb\n", r"has no \[PAD\] and no \[UNK\]"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n", "line 6: repeats 'a' of line 5"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"", "has no"),
    ],
)
def test_malformed_vocabulary_is_an_error(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=problem):
        read_vocabulary(tmp_path / "vocab.txt")


def test_absent_vocabulary_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_vocabulary(tmp_path / "vocab.txt")


def test_vocabulary_with_dos_line_ends(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes("\r\n".join(SPECIAL).encode())
    assert json.dumps(read_vocabulary(tmp_path / "vocab.txt").tokens) == json.dumps(SPECIAL)
