"""Damage to the bytes of a file: cuts, flips, repetitions, and what parsers stumble over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

STUMBLING_BLOCKS = (
    *(b"[" * 100_000, b'{"a":' * 50_000, b"(" * 50_000, b"9" * 5000, b"9" * 31, b"1e999", b"-1", b"NaN", b"Infinity"),
    *(b"true", b"null", b'""', b"[]", b"{}", b'"\\ud800"', b"\\ud800", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r"),
    *(b"\n\n", b'"', b",", b"}", b"]", "\u202e\u0661".encode(), b"\x1b[31m", b"\xff" * 8, b"\x80" * 12, bytes(64)),
)
_Edit = "Callable[[bytes], bytes]"


def _at(content: bytes, place: float) -> int:
    return int(place * len(content))


_places = st.floats(0, 1, exclude_max=True)
_EDITS: st.SearchStrategy[Callable[[bytes], bytes]] = st.one_of(
    st.builds(lambda at: lambda content: content[: _at(content, at)], _places),
    st.builds(
        lambda at, bits: (
            lambda content: (
                content[: (place := _at(content, at))]
                + bytes(each ^ bits for each in content[place : place + 1])
                + content[place + 1 :]
            )
        ),
        _places,
        st.integers(1, 255),
    ),
    st.builds(
        lambda at, size, block: (
            lambda content: content[: (place := _at(content, at))] + block + content[place + size :]
        ),
        _places,
        st.integers(0, 12),
        st.one_of(st.sampled_from(STUMBLING_BLOCKS), st.binary(max_size=8)),
    ),
    st.builds(
        lambda at, size: (
            lambda content: (
                content[: (place := _at(content, at)) + size] + content[place : place + size] + content[place + size :]
            )
        ),
        _places,
        st.integers(1, 40),
    ),
    st.builds(
        lambda words: lambda content: _at_a_number(content, *words),
        st.tuples(_places, st.sampled_from(STUMBLING_BLOCKS)),
    ),
)


def _at_a_number(content: bytes, at: float, block: bytes) -> bytes:
    """Replace the first run of digits after a place."""
    start = _at(content, at)
    while start < len(content) and not content[start : start + 1].isdigit():
        start += 1
    end = start
    while content[end : end + 1].isdigit():
        end += 1
    return content[:start] + block + content[end:]


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy: the content with up to three damages, and sometimes bytes of no form."""

    def apply(edits: list[Callable[[bytes], bytes]]) -> bytes:
        result = content
        for edit in edits:
            result = edit(result)
        return result

    return st.one_of(st.lists(_EDITS, min_size=1, max_size=3).map(apply), st.binary(max_size=100))
