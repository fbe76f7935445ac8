"""Read the short texts that kernel and firmware give, whatever bytes are in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


# Of 64 bits. Python itself refuses to convert much longer ones.
_MOST_DIGITS = 20


def read_text(path: Path) -> str | None:
    """Return a file's text, with "\N{REPLACEMENT CHARACTER}" for what is not UTF-8; None where it cannot be read.

    A file of /sys can be there and still refuse to be read: a network card that is down has no speed.
    """
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return None


def read_line(path: Path) -> str | None:
    """Return a file's text as one line of printable characters; None where nothing is left of it.

    The firmware's strings may end with NUL, hold line breaks, or bytes of no known encoding, which become "?".
    """
    text = (read_text(path) or "").replace("\N{REPLACEMENT CHARACTER}", "?")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if any(letter.isalnum() for letter in line) else None


def read_whole(path: Path) -> int | None:
    """Return a file's whole number; None where there is none, or a negative one, as for "not known"."""
    text = (read_text(path) or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None
