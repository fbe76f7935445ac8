"""The hours in which a machine may run: a part of each day, on the clock of the machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlperf_home.leaderboard.participation.errors import ParticipationError

_HOURS = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")
_LENGTH = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)(h|m)")
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class DailyHours:
    """A part of each day; it may go over midnight. Equal hours are the whole day."""

    start: int = 0
    end: int = 0

    def opens(self, now: datetime) -> datetime:
        """Return when it opens: now if it is open."""
        if self.start == self.end:
            return now
        today = _at(now, self.start)
        if self._is_open(now):
            return now
        return today if now < today else _at(now + _DAY, self.start)

    def closes(self, now: datetime) -> datetime | None:
        """Return when an open one closes; None for never."""
        if self.start == self.end:
            return None
        today = _at(now, self.end)
        return today if now < today else _at(now + _DAY, self.end)

    def _is_open(self, now: datetime) -> bool:
        if self.start < self.end:
            return self.start <= now.hour < self.end
        return now.hour >= self.start or now.hour < self.end


def _at(day: datetime, hour: int) -> datetime:
    return day.replace(hour=hour % 24, minute=0, second=0, microsecond=0)


def read_hours(text: str) -> DailyHours:
    """Read hours such as 22-6; "" is the whole day. Raise ParticipationError for others."""
    if not text:
        return DailyHours()
    match = _HOURS.fullmatch(text)
    start, end = (int(match[1]), int(match[2])) if match else (99, 99)
    if start > 24 or end > 24:  # noqa: PLR2004 - the hours of a day
        raise ParticipationError("--hours", f"{text[:40]!r} is no part of a day", "write it as 22-6, from 0 to 24")
    return DailyHours(start % 24, end % 24)


def read_length(text: str) -> timedelta | None:
    """Read a length of time such as 2h or 90m; None for "". Raise ParticipationError for others."""
    if not text:
        return None
    match = _LENGTH.fullmatch(text)
    length = timedelta(hours=float(match[1]) / (60 if match[2] == "m" else 1)) if match else timedelta()
    if not timedelta() < length <= _LONGEST:
        raise ParticipationError("--most", f"{text[:40]!r} is no length of time", "write it as 2h or 90m, up to 720h")
    return length
