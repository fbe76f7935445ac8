"""The timer is two files; systemctl is told where it exists."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING

import pytest

from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.leaderboard.participation.hours import DailyHours
from mlperf_home.leaderboard.participation.timer import ParticipationTimer, unit_folder

if TYPE_CHECKING:
    from pathlib import Path

BOARD = "https://b.example/100%"
NIGHTS = DailyHours(22, 6)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all programs, without systemctl."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def systemctl(programs: Path, tmp_path: Path) -> Path:
    """Return the log of a systemctl that only writes what it was told."""
    log, program = tmp_path / "told", programs / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    program.chmod(0o755)
    return log


def timer(tmp_path: Path) -> ParticipationTimer:
    return ParticipationTimer(tmp_path / "units", BOARD)


def sections(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path)
    return parser


def test_a_timer_is_written_and_started(tmp_path: Path, systemctl: Path) -> None:
    made = timer(tmp_path)
    left = made.install(["/py thon", "--options=a=$b,c=50%"], {"CM_REPOS": "/a b"}, NIGHTS)

    assert left == []
    service = sections(made.service)["Service"]
    assert service["ExecStart"] == '"/py thon" "--options=a=$$b,c=50%%"'
    assert (service["Type"], service["Environment"]) == ("oneshot", '"CM_REPOS=/a b"')
    assert sections(made.timer)["Timer"]["OnCalendar"] == "*-*-* 22:00:00"
    assert systemctl.read_text().splitlines() == [
        "--user daemon-reload", f"--user enable --now {made.timer.name}",
    ]  # fmt: skip


def test_a_removed_timer_leaves_nothing(tmp_path: Path, systemctl: Path) -> None:
    made = timer(tmp_path)
    made.install(["/python"], {}, NIGHTS)
    systemctl.unlink()

    assert timer(tmp_path).remove() == []
    assert list((tmp_path / "units").iterdir()) == []
    assert systemctl.read_text().splitlines() == [
        f"--user disable --now {made.timer.name}", f"--user stop {made.service.name}", "--user daemon-reload",
    ]  # fmt: skip


@pytest.mark.usefixtures("programs")
def test_without_systemctl_the_commands_are_named(tmp_path: Path) -> None:
    left = timer(tmp_path).install(["/python"], {}, NIGHTS)

    assert left[0] == "systemctl --user daemon-reload"
    assert timer(tmp_path).timer.is_file()


@pytest.mark.usefixtures("programs")
def test_no_timer_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(ParticipationError, match="there is no timer"):
        timer(tmp_path).remove()


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("word", ["a\nExecStartPre=/bin/reboot", "a\x00", "a\u202e"])
def test_a_word_cannot_add_a_line(tmp_path: Path, word: str) -> None:
    with pytest.raises(ParticipationError, match="unit file"):
        timer(tmp_path).install(["/python", word], {}, NIGHTS)
    assert not timer(tmp_path).service.exists()


def test_boards_have_timers_of_their_own(tmp_path: Path) -> None:
    assert timer(tmp_path).timer != ParticipationTimer(tmp_path / "units", "https://other.example").timer


def test_units_lie_where_systemd_looks(tmp_path: Path) -> None:
    assert unit_folder({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "systemd" / "user"
    assert unit_folder({"XDG_CONFIG_HOME": "relative"}).is_absolute()
