"""Hours of the day and lengths of time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.leaderboard.participation.hours import read_hours, read_length


def at(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "now", "opens", "closes"),
    [
        ("22-6", at(12), at(22), at(6, day=2)),
        ("22-6", at(23, 30), at(23, 30), at(6, day=2)),
        ("22-6", at(5, 59), at(5, 59), at(6)),
        ("22-6", at(6), at(22), at(6, day=2)),
        ("9-17", at(18), at(9, day=2), at(17, day=2)),
        ("9-17", at(10), at(10), at(17)),
        ("18-24", at(23), at(23), at(0, day=2)),
    ],
)
def test_hours_open_and_close(text: str, now: datetime, opens: datetime, closes: datetime) -> None:
    hours = read_hours(text)

    assert hours.opens(now) == opens
    assert hours.closes(opens) == closes


@pytest.mark.parametrize("text", ["", "0-24", "5-5"])
def test_the_whole_day_never_closes(text: str) -> None:
    assert read_hours(text).opens(at(12)) == at(12)
    assert read_hours(text).closes(at(12)) is None


@pytest.mark.parametrize("text", ["22", "22-25", "-1-6", "a-b", "22-6-8", "22:00-6", "\u0662-6", "22-6\n"])
def test_other_hours_are_refused(text: str) -> None:
    with pytest.raises(ParticipationError, match="--hours"):
        read_hours(text)


@pytest.mark.parametrize(("text", "minutes"), [("2h", 120), ("90m", 90), ("1.5h", 90)])
def test_lengths_have_a_unit(text: str, minutes: int) -> None:
    assert read_length(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["2", "0h", "-1h", "h", "1d", "9999h", "1e3h", "2h\n", "inf"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(ParticipationError, match="--most"):
        read_length(text)
