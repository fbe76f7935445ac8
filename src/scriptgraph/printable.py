"""Text for a terminal: names from outside cannot move the cursor, change colours, or reverse the order of letters."""

from __future__ import annotations

# Longer than the names of files, which may have 255 bytes in each folder.
_LONGEST_WORD, _ENDS = 1000, 200
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
# Marks and overrides of direction, line and paragraph separators, and the byte order mark.
_INVISIBLE = (0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
# Halves of characters: Python's form of bytes that are not UTF-8, which cannot be written.
_SURROGATES = range(0xD800, 0xE000)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - the codes of one byte


class _Escapes(dict[int, str]):
    """A table for `str.translate`; a table of all surrogates would cost each start a millisecond."""

    def __missing__(self, code: int) -> str:
        self[code] = text = _escape(code) if code in _SURROGATES else chr(code)
        return text


_ESCAPES = _Escapes((code, _escape(code)) for code in (*_CONTROLS, *_INVISIBLE))
_OF_LINES = _Escapes({**_ESCAPES, ord("\n"): "\n", ord("\t"): "\t", ord("\r"): "\n"})


def printable(text: str) -> str:
    """Return lines of text with control characters and marks of direction as escapes.

    Line breaks and tabs stay; a carriage return, which overwrites the line, becomes a line break.
    """
    return text if text.isascii() and text.isprintable() else text.replace("\r\n", "\n").translate(_OF_LINES)


def printable_name(text: str) -> str:
    """Return a name on one line, with line breaks and tabs as escapes too."""
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


def shortened(text: str) -> str:
    """Return words on one line; the middle of a word longer than any name is left out."""
    words = text.split()
    if len(text) > _LONGEST_WORD:
        words = [each if len(each) <= _LONGEST_WORD else f"{each[:_ENDS]}...{each[-_ENDS:]}" for each in words]
    return " ".join(words)
