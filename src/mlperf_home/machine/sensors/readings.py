"""One thing that the machine tells, or why it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
        """Return the session's form."""
        return {"value": self.value, "reason": self.reason or None}


def unknown(reason: str) -> Reading:
    """Make the reading of what the machine does not tell."""
    return Reading(None, reason)
