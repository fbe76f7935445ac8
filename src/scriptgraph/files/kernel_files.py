"""Read the short texts of /proc and /sys, whatever bytes kernel and firmware put into them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Of 64 bits. Python itself refuses to convert much longer ones.
_MOST_DIGITS = 20


def read_text(path: Path) -> str | None:
    """Return a file's text without space around it; None where it cannot be read.

    Bytes that are not UTF-8 become "\N{REPLACEMENT CHARACTER}". A file of /sys can be there and still refuse to be
    read: a network card that is down has no speed.
    """
    try:
        return path.read_bytes().decode("utf-8", errors="replace").strip()
    except OSError:
        return None


def read_line(path: Path) -> str | None:
    """Return a file's text as one line of printable characters; None where nothing is left of it.

    The firmware's strings may end with NUL, hold line breaks, or bytes of no known encoding, which become "?".
    """
    text = (read_text(path) or "").replace("\N{REPLACEMENT CHARACTER}", "?")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if any(letter.isalnum() for letter in line) else None


def read_whole(path: Path, *, signed: bool = False) -> int | None:
    """Return a file's whole number; None where there is none, or a negative one, as for "not known", unless signed."""
    text = read_text(path) or ""
    digits = text.removeprefix("-") if signed else text
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else None


def count_listed(text: str) -> int:
    """Count the numbers of a list as the kernel writes it ("0-3,8")."""
    spans = re.findall(r"(\d+)(?:-(\d+))?", text)
    return sum(int(last or first) - int(first) + 1 for first, last in spans)
