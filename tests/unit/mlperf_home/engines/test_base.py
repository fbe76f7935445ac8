"""Sequence lengths are parsed from the user's text."""

from __future__ import annotations

import pytest

from mlperf_home.engines.base import LENGTHS, MAX_LENGTH, BackendError, parse_lengths


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("64,128,192,256,384", (64, 128, 192, 256, 384)),
        (" 64, 128 ", (64, 128, 384)),
        ("128 256", (128, 256, 384)),
        ("384", (384,)),
    ],
)
def test_a_list_ends_with_the_longest_feature(text: str, expected: tuple[int, ...]) -> None:
    assert parse_lengths(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no numbers"),
        (" , ", "no numbers"),
        ("64,abc", "'abc' is not a whole number"),
        ("64,1.5", "'1.5' is not a whole number"),
        ("0,384", "0 is not between 1 and 384"),
        ("-8", "-8 is not between"),
        ("64,512", "512 is not between"),
        ("192,64", "did you mean 64,192"),
        ("64,64", "without repetition"),
        (",".join(str(number) for number in range(1, 41)), "at most 32"),
    ],
)
def test_a_wrong_list_is_explained(text: str, words: str) -> None:
    with pytest.raises(BackendError) as caught:
        parse_lengths(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_default_lengths_are_a_valid_list() -> None:
    assert parse_lengths(",".join(str(length) for length in LENGTHS)) == LENGTHS
    assert LENGTHS[-1] == MAX_LENGTH
