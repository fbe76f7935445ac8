"""One thing that the machine tells, or why it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Reading:
    """A value, or None and the reason.

    Attributes:
        value: its unit is in the name under which it stands; None where it is not known.
        reason: why it is not known; "" otherwise.
    """

    value: float | str | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give what the session keeps."""
        return {"value": self.value, "reason": self.reason or None}


def unknown(reason: str) -> Reading:
    """Make the reading of what the machine does not tell."""
    return Reading(None, reason)


def read_text(path: Path) -> str | None:
    """Read a file of /proc or /sys; None where it is absent, closed to us, or gives an error when it is read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def read_whole(path: Path) -> int | None:
    """Read a file that holds one whole number."""
    text = read_text(path) or ""
    return int(text) if text.removeprefix("-").isdecimal() else None
