"""A systemd user timer that takes part in a board each night: two files, written and removed.

Sources: systemd.service(5) for the quoting of ExecStart=, in which % and $ are doubled; systemd.timer(5).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.leaderboard.participation.kept import mark_of
from mlperf_home.product import PRODUCT
from scriptgraph.embed import ScriptGraphError, capture
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.leaderboard.participation.hours import DailyHours

_LIMIT_S = 30.0


def unit_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of a user's units."""
    base = environment.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "systemd" / "user"


class ParticipationTimer:
    """The timer of a board."""

    def __init__(self, folder: Path, address: str) -> None:
        self._address = address
        name = f"{PRODUCT.name}-participate-{mark_of(address)}"
        self.service, self.timer = folder / f"{name}.service", folder / f"{name}.timer"

    def install(self, argv: Sequence[str], environment: Mapping[str, str], hours: DailyHours) -> list[str]:
        """Write the files, and start the timer where systemctl exists; return what is left to do.

        Raises:
            ParticipationError: the files cannot be written, or a word cannot stand in them.
        """
        lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items()]
        service = [
            *("[Unit]", f"Description=Idle time of this machine for the board {_description(self._address)}", ""),
            *("[Service]", "Type=oneshot", f"ExecStart={' '.join(map(_quoted, argv))}", *lines),
        ]
        timer = [
            *("[Unit]", f"Description=Each day for the board {_description(self._address)}", ""),
            *("[Timer]", f"OnCalendar=*-*-* {hours.start:02}:00:00", "", "[Install]", "WantedBy=timers.target"),
        ]
        try:
            self.service.parent.mkdir(parents=True, exist_ok=True)
            replace_text(self.service, "".join(f"{line}\n" for line in service))
            replace_text(self.timer, "".join(f"{line}\n" for line in timer))
        except OSError as error:
            advice = "make the folder writable"
            raise ParticipationError(self.service.parent, f"cannot be written ({error.strerror})", advice) from None
        return _systemctl(["daemon-reload"], ["enable", "--now", self.timer.name])

    def remove(self) -> list[str]:
        """Stop the timer and remove its files; return what is left to do.

        Raises:
            ParticipationError: there is no such timer, or it cannot be removed.
        """
        if not (self.timer.exists() or self.service.exists()):
            problem = f"there is no timer for {self._address}"
            raise ParticipationError("--remove_timer", problem, "nothing is left to do")
        left = _systemctl(["disable", "--now", self.timer.name], ["stop", self.service.name])
        try:
            for path in (self.timer, self.service):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ParticipationError(path, f"cannot be removed ({error.strerror})", "remove it") from None
        return [*left, *_systemctl(["daemon-reload"])]


def _systemctl(*commands: Sequence[str]) -> list[str]:
    """Run systemctl with each of these words; return the commands that failed, for people."""
    failed = []
    for words in commands:
        argv = ["systemctl", "--user", *words]
        try:
            capture(argv, env=os.environ, cwd=Path("/"), timeout_s=_LIMIT_S)
        except ScriptGraphError:
            failed.append(" ".join(argv))
    return failed


def _quoted(word: str) -> str:
    """Return a word as systemd reads it. Raise ParticipationError if it cannot stand in a unit."""
    if not word.isprintable():
        raise ParticipationError("--install_timer", f"{word[:80]!r} cannot stand in a unit file", "rename it")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _description(address: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in address).replace("%", "%%")
