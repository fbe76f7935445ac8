"""Sequence lengths that engines are prepared for: the fixed grid, or the user's own."""

from __future__ import annotations

from itertools import pairwise

from mlperf_home.engines.base import BackendError

MAX_LENGTH = 384
"""Tokens of the longest feature: MLPerf's max_seq_length for BERT."""

LENGTHS = (96, 128, 160, 192, 224, 256, 320, MAX_LENGTH)
"""The default grid: fixed beforehand, since MLPerf forbids statistics of the dataset."""

_LARGEST_COUNT = 32  # each length is one compiled engine


def parse_lengths(text: str) -> tuple[int, ...]:
    """Read a list like "64,128,192,256,384" (`DEEPSPARSE_SEQLENS`).

    The longest length is added where it is missing, since every feature has to fit somewhere.

    Args:
        text: whole numbers of tokens, ascending, separated by commas or spaces.

    Returns:
        The lengths, ascending, ending with `MAX_LENGTH`.

    Raises:
        BackendError: not numbers, not ascending, out of range, or too many.
    """
    words = text.replace(",", " ").split()
    if not words:
        raise BackendError(f"sequence lengths {text!r}: no number in it; write for instance 128,256,384")
    lengths = tuple(_length(word, text) for word in words)
    if any(later <= earlier for earlier, later in pairwise(lengths)):
        suggestion = ",".join(str(length) for length in sorted(set(lengths)))
        raise BackendError(f"sequence lengths {text!r}: must ascend, each number once; did you mean {suggestion}?")
    if lengths[-1] != MAX_LENGTH:
        lengths = (*lengths, MAX_LENGTH)
    if len(lengths) > _LARGEST_COUNT:
        most = f"give at most {_LARGEST_COUNT}"
        raise BackendError(f"sequence lengths {text!r}: {len(lengths)} of them, each is an engine to compile; {most}")
    return lengths


def _length(word: str, text: str) -> int:
    """One number of the list."""
    try:
        length = int(word)
    except ValueError:
        raise BackendError(
            f"sequence lengths {text!r}: {word!r} is not a whole number; write for instance 128,256,384"
        ) from None
    if not 1 <= length <= MAX_LENGTH:
        raise BackendError(
            f"sequence lengths {text!r}: {length} is not between 1 and {MAX_LENGTH}, the longest feature"
        )
    return length
