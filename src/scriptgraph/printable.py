"""Text for a terminal: names from outside cannot move the cursor, change colours, or reverse the order of letters."""

from __future__ import annotations

# Longer than the names of files, which may have 255 bytes in each folder.
_LONGEST_WORD, _ENDS = 1000, 200
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - the codes of one byte


class _Escapes(dict[int, str]):
    """A table for `str.translate` of what cannot be seen: marks of direction, separators, halves of characters.

    It grows as it is used, because a table of all of them would cost each start a millisecond.
    """

    def __missing__(self, code: int) -> str:
        self[code] = text = chr(code) if chr(code).isprintable() else _escape(code)
        return text


_ESCAPES = _Escapes((code, _escape(code)) for code in _CONTROLS)
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
