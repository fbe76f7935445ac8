"""One thing that the machine tells, or why it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """A value, whose unit is in the name under which it stands; where it is not known, None and the reason."""

    value: float | str | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the session's form."""
        return {"value": self.value, "reason": self.reason or None}


def unknown(reason: str) -> Reading:
    """Make the reading of what the machine does not tell."""
    return Reading(None, reason)
