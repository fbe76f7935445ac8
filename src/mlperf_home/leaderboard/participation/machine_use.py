"""Whether somebody uses this machine: other programs, the battery, heat, a login at the console.

Sources: proc(5) for stat and PID/stat; the kernel's sysfs-class-power for power supplies, of which those with the scope
Device belong to mice and the like; loginctl(1) for sessions. A session at a seat that is locked or idle is no use, and
a remote one shows by its load. A fact that the machine does not tell is no obstacle.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.machine.readings import OTHER_CPU_LIMIT_PERCENT
from mlperf_home.machine.sensors import read_sensors
from scriptgraph.embed import ScriptGraphError, capture
from scriptgraph.files.kernel_files import read_text
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WARMEST_C = 80.0
"""A machine that is warmer before a run is at work or badly cooled; its own run may heat it further."""

_PARENT, _TIMES = 1, slice(11, 15)  # after the name: state, ppid, ...; utime, stime, cutime, cstime
_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
_SESSION = ("Seat", "State", "Class", "IdleHint", "LockedHint")
_SHOW = tuple(f"--property={name}" for name in _SESSION)
_LIMIT_S = 10.0


def _ask(argv: Sequence[str]) -> str | None:
    """Return what a program prints; None if it is not there or fails."""
    try:
        return capture(argv, env={**os.environ, "LC_ALL": "C"}, cwd=Path("/"), timeout_s=_LIMIT_S)
    except ScriptGraphError:
        return None


@dataclass
class MachineUse:
    """What others do on this machine; processes below `own` are not others.

    Attributes:
        seconds: the monotonic clock.
        ask: returns what a program prints; None if it fails.
    """

    seconds: Callable[[], float]
    root: Path = Path("/")
    own: int = field(default_factory=os.getpid)
    ask: Callable[[Sequence[str]], str | None] = _ask
    cpus: Sequence[int] = field(default_factory=lambda: sorted(os.sched_getaffinity(0)))
    _last: tuple[float, float, float] | None = field(default=None, init=False)

    def obstacles(self, *, running: bool) -> list[str]:
        """Return why this machine should not be used now; `running` means that an own run heats it.

        Load is that since the last call; the first call cannot tell it.
        """
        found = [*self._load(), *self._battery(), *self._console()]
        return found if running else [*found, *self._heat()]

    def _load(self) -> Iterator[str]:
        at_s, busy_s = self.seconds(), self._busy_s()
        if busy_s is None:
            return
        now = (at_s, busy_s, self._own_s())
        last, self._last = self._last, now
        if last is None or now[0] <= last[0]:
            return
        others_s = (now[1] - last[1]) - max(0.0, now[2] - last[2])
        percent = 100 * others_s / ((now[0] - last[0]) * len(self.cpus))
        if percent > OTHER_CPU_LIMIT_PERCENT:
            yield f"other programs use {percent:.0f} % of its CPUs"

    def _busy_s(self) -> float | None:
        """Return the seconds for which its CPUs were at work; None if unknown."""
        lines = (line.split() for line in (read_text(self.root / "proc/stat") or "").splitlines())
        names = {f"cpu{cpu}" for cpu in self.cpus}
        ticks = [
            whole_number(line[1 + place]) or 0
            for line in lines
            if line and line[0] in names and len(line) > 1 + max(_BUSY)
            for place in _BUSY
        ]
        return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None

    def _own_s(self) -> float:
        """Return the seconds of our process and of all below it, ended ones too."""
        parents: dict[int, int] = {}
        times: dict[int, int] = {}
        for folder in (self.root / "proc").glob("[0-9]*"):
            # The name, in brackets, may contain spaces.
            fields = (read_text(folder / "stat") or "").rpartition(")")[2].split()
            if len(fields) >= _TIMES.stop:
                pid = int(folder.name)
                parents[pid] = whole_number(fields[_PARENT]) or 0
                times[pid] = sum(whole_number(each) or 0 for each in fields[_TIMES])
        own = {self.own}
        while more := {pid for pid, parent in parents.items() if parent in own and pid not in own}:
            own |= more
        return sum(times.get(pid, 0) for pid in own) / os.sysconf("SC_CLK_TCK")

    def _battery(self) -> Iterator[str]:
        for folder in sorted((self.root / "sys/class/power_supply").glob("*")):
            kind, scope, status = (read_text(folder / name) for name in ("type", "scope", "status"))
            words = [(text or "").strip() for text in (kind, scope, status)]
            if words[0] == "Battery" and words[1] != "Device" and words[2] == "Discharging":
                yield "it runs on its battery"
                return

    def _heat(self) -> Iterator[str]:
        value = read_sensors(self.root, self.cpus).temperature_c.value
        if value is not None and float(value) > WARMEST_C:
            yield f"its CPU has {float(value):.0f} degrees C"

    def _console(self) -> Iterator[str]:
        listed = self.ask(["loginctl", "list-sessions", "--no-legend"])
        for line in (listed or "").splitlines():
            session = next(iter(line.split()), "")
            if not session.replace("c", "").isdecimal():
                continue
            shown = self.ask(["loginctl", "show-session", session, *_SHOW]) or ""
            facts = dict(each.partition("=")[::2] for each in shown.splitlines())
            here = facts.get("Seat") and facts.get("Class") == "user" and facts.get("State") == "active"
            if here and "yes" not in {facts.get("IdleHint"), facts.get("LockedHint")}:
                yield "somebody is logged in at its console"
                return
