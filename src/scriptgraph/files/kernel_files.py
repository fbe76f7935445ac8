"""Read the short files of /proc and /sys, whatever bytes kernel and firmware put into them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path) -> str | None:
    """Return a file's stripped text; None if it cannot be read.

    Bytes that are not UTF-8 become "\N{REPLACEMENT CHARACTER}". Some files of /sys exist and cannot be read: the speed
    of a network card that is down.
    """
    try:
        return path.read_bytes().decode("utf-8", errors="replace").strip()
    except OSError:
        return None


def read_line(path: Path) -> str | None:
    """Return a file's text as one line of printable characters; None if it has no letter or digit.

    Firmware strings may hold NUL and line breaks, which become spaces, and bytes that are not UTF-8, which become "?".
    """
    text = (read_text(path) or "").replace("\N{REPLACEMENT CHARACTER}", "?")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if any(letter.isalnum() for letter in line) else None


def read_integer(path: Path, *, signed: bool = False) -> int | None:
    """Return a file's integer; None if there is none, or it is negative ("unknown") and not `signed`."""
    text = read_text(path) or ""
    digits = text.removeprefix("-") if signed else text
    number = whole_number(digits)
    return -number if number is not None and digits != text else number


def count_listed(text: str) -> int:
    """Count the numbers of a list in the kernel's form ("0-3,8" has 5)."""
    return sum(max(0, last - first + 1) for first, last in _spans(text))


def is_listed(number: int, text: str) -> bool:
    """Whether a list in the kernel's form contains a number."""
    return any(first <= number <= last for first, last in _spans(text))


def _spans(text: str) -> list[tuple[int, int]]:
    found = re.findall(r"\b([0-9]{1,9})\b(?:-([0-9]{1,9})\b)?", text)
    return [(int(first), int(last or first)) for first, last in found]
