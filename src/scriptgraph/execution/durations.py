"""Durations and their bounds, as values and in words."""

from __future__ import annotations

from scriptgraph.immutable import Immutable


class Bounds(Immutable):
    """The bounds of a duration in seconds, and what they leave out, in words."""

    low_s: float = 0.0
    high_s: float = 0.0
    uncounted: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether any part of the duration is known."""
        return self.high_s > 0


def duration_text(seconds: float) -> str:
    """Return a duration in words: "45 s", "12 min", "3 h 20 min", "2 days 4 h"."""
    for unit_s, smaller_s, unit, smaller in ((86400, 3600, "days", "h"), (3600, 60, "h", "min")):
        if seconds >= unit_s * (2 if unit == "days" else 1):
            whole, rest = divmod(round(seconds / smaller_s), unit_s // smaller_s)
            return f"{whole} {unit} {rest} {smaller}" if rest else f"{whole} {unit}"
    return f"{round(seconds / 60)} min" if seconds >= 120 else f"{max(1, round(seconds))} s"  # noqa: PLR2004 - two minutes


def bounds_text(bounds: Bounds) -> str:
    """Return the bounds of a duration in words: "about 12 min", "10 min to 2 h", "unknown"."""
    if not bounds.known:
        return "unknown"
    low, high = duration_text(bounds.low_s), duration_text(bounds.high_s)
    if bounds.uncounted:
        return f"at least {low}" if low == high else f"at least {low} to {high}"
    # Bounds within a third of each other are one figure.
    if 3 * bounds.high_s <= 4 * bounds.low_s:
        return f"about {duration_text((bounds.low_s + bounds.high_s) / 2)}"
    return f"{low} to {high}"
