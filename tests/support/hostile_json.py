"""Files that claim to be JSON: nested without end, with too many values, too long, not UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.files.json_reader import DOCUMENT

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE: dict[str, str] = {
    "nested": "is nested more than 64 levels deep",
    "many values": "has more than 1,000,000 values",
    "long": "has more than 33,554,432 bytes",
    "not UTF-8": "is not UTF-8 text at byte",
    "NaN": "has NaN, which is not JSON",
    "cut off": "is not JSON (",
}
"""The fault of each kind of file, in the words of a message."""


def write_hostile(path: Path, kind: str) -> None:
    """Write a file of this kind."""
    contents = {
        "nested": b"[" * 100_000,
        "many values": b"[" + b"0," * 1_000_001 + b"0]",
        "not UTF-8": b'{"a": "\xff"}',
        "NaN": b'{"a": NaN}',
        "cut off": b'{"a": [',
    }
    path.write_bytes(contents.get(kind, b"["))
    if kind == "long":
        with path.open("r+b") as file:
            file.truncate(DOCUMENT.size + 1)  # a sparse file
