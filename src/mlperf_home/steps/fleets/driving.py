"""Drive machines from a step: jobs for the process with Dask and AsyncSSH, its events, and wheels for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.fleet.job import FleetJob, SaidEvent, SshOptions, UnitEvent, VisitedEvent, parse_fleet_event
from mlperf_home.fleet.program import write_program
from mlperf_home.fleet.tables import MACHINE_HEADER, duration, machine_rows
from mlperf_home.fleet.wheelhouses import MachineKind, WheelhouseError, make_wheelhouse
from mlperf_home.steps.launch import run_module
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from mlperf_home.contracts.fleet.job import Wheelhouse
    from mlperf_home.contracts.fleet.machines import FleetMachine, MachinesDocument, MachineVisit
    from mlperf_home.contracts.fleet.store import FleetDescription
    from mlperf_home.contracts.fleet.units import Unit
    from scriptgraph.api import Context

ENVIRONMENT = "CM_PYTHON_LIB_BIN_WITH_PATH"
_MOST_STARTS = 6
_MOST_BARS = 20
_SHOWN_LINES = frozenset({"failed", "lost", "refused", "deadline", "left-out", "stopped"})


class Driver:
    """The machines of a fleet, seen from a step."""

    def __init__(
        self, context: Context, folder: Path, name: str, document: MachinesDocument | FleetDescription
    ) -> None:
        self._context, self._folder, self._name = context, folder, name
        lost_s = (context.number("CM_FLEET_LOST_AFTER_MIN") or 0.0) * 60
        self._ssh = SshOptions(
            config=document.ssh_config, known_hosts=document.known_hosts, key=document.key, lost_s=lost_s
        )
        self._program = context.output / "machine_side.pyz"
        write_program(self._program)

    def visit(self, machines: Sequence[FleetMachine], **more: Any) -> list[MachineVisit]:
        """Visit machines side by side, and show what each tells of itself."""
        visits: list[MachineVisit] = []

        def take(event: object) -> None:
            if isinstance(event, VisitedEvent):
                visits.append(event.visit)
                self._context.progress("machines visited", len(visits), len(machines))

        self._run_job(FleetJob(action="visit", machines=tuple(machines), **self._common(), **more), take)
        header = f"{len(visits)} machines: {', '.join(MACHINE_HEADER[1:])}"
        self._context.table(header, [(name, "; ".join(filter(None, rest))) for name, *rest in machine_rows(visits)])
        return visits

    def wheelhouses(self, visits: Sequence[MachineVisit], root: Path) -> tuple[dict[str, Wheelhouse], dict[str, str]]:
        """Return the wheelhouse of each visited machine, and the problem of each that has none."""
        houses: dict[MachineKind, Wheelhouse] = {}
        found: dict[str, Wheelhouse] = {}
        problems: dict[str, str] = {}
        python, offline = self._context.text(ENVIRONMENT), self._context.switches.offline
        for visit in visits:
            if visit.facts is None:
                continue
            try:
                kind = MachineKind.of(visit.facts)
                if kind not in houses:
                    houses[kind] = make_wheelhouse(kind, root, python, self._command, offline=offline)
                found[visit.name] = houses[kind]
            except WheelhouseError as error:
                problems[visit.name] = f"{error.problem}; {error.advice}"
        return found, problems

    def run(self, job: FleetJob, units: Sequence[Unit], done: int) -> None:
        """Do a job over units, and show what becomes of them; a process that is killed is started again.

        What runs on the machines runs on meanwhile, and is found again.
        """
        shown = _Progress(self._context, units, done)
        for left in range(_MOST_STARTS - 1, -1, -1):
            try:
                self._run_job(job, shown.take)
            except _Killed as killed:  # noqa: PERF203 - a process each
                if not left:
                    raise StepFailed(f"{killed}; run the same command again") from None
                self._context.warn(f"{killed}; it is started again, at most {left} times more")
            else:
                return

    def job(self, **fields: Any) -> FleetJob:
        """Return a job with what is common to all."""
        return FleetJob(**self._common(), **fields)

    def _common(self) -> dict[str, Any]:
        return {"folder": self._folder, "name": self._name, "program": self._program, "ssh": self._ssh}

    def _run_job(self, job: FleetJob, take: Callable[[object], None]) -> None:
        path = self._context.output / f"{job.action}.json"
        write_document(path, job)
        ends: list[Any] = []

        def command(*words: Any, **options: Any) -> Any:
            ends.append(self._context.command(*words, **options))
            return ends[-1]

        def read(line: str) -> None:
            if (event := parse_fleet_event(line)) is not None:
                take(event)

        words: list[str | Path] = ["mlperf_home.fleet.controller", "--job", path]
        try:
            run_module(command, [self._context.text(ENVIRONMENT)], words, on_line=read)
        except StepFailed:
            raise
        except Exception:
            if ends and ends[-1].signal is not None:
                raise _Killed(f"the process that drives the fleet was ended by signal {ends[-1].signal}") from None
            raise

    def _command(self, argv: Sequence[Any], **options: Any) -> Any:
        return self._context.command(argv, **options)


class _Killed(Exception):  # noqa: N818 - it reads as the event it is
    """The driving process was ended by a signal."""


class _Progress:
    """Shows what becomes of units: a bar for each of a few machines on a terminal, lines elsewhere."""

    def __init__(self, context: Context, units: Sequence[Unit], done: int) -> None:
        self._context, self._units = context, {each.digest: each for each in units}
        self._done, self._ended = done, set[str]()
        machines = {name for each in units for name in each.machines}
        self._bars = dict.fromkeys(machines, 0) if len(machines) <= _MOST_BARS else {}

    def take(self, event: object) -> None:
        """Show an event."""
        if isinstance(event, SaidEvent):
            show = self._context.warn if event.warning else self._context.say
            show(f"{event.machine}: {event.message}" if event.machine else event.message)
        elif isinstance(event, UnitEvent):
            self._take_unit(event)

    def _take_unit(self, event: UnitEvent) -> None:
        unit = self._units.get(event.digest)
        label = f" {unit.label}" if unit and unit.label else ""
        took = f" in {duration(event.seconds)}" if event.seconds is not None else ""
        line = f"{event.machine or (unit.target if unit else '')}:{label} {event.state}{took}"
        line += f": {event.note}" if event.note else ""
        (self._context.warn if event.state in _SHOWN_LINES else self._context.say)(line)
        if event.state != "started" and event.digest not in self._ended:
            self._ended.add(event.digest)
            if event.machine in self._bars:
                self._bars[event.machine] += 1
            own = sum(1 for each in self._units.values() if event.machine in each.machines)
            if event.machine in self._bars and own > 1:
                self._context.progress(event.machine, self._bars[event.machine], own)
            self._context.progress("all units", self._done + len(self._ended), self._done + len(self._units))


def require_usable(visits: Sequence[MachineVisit]) -> list[MachineVisit]:
    """Return the visits to machines without problems. Raise StepFailed if there is none."""
    usable = [each for each in visits if not each.problems and each.facts is not None]
    if not usable:
        raise StepFailed("no machine can be used; the table above says why")
    return usable


def with_problems(visits: Sequence[MachineVisit], problems: dict[str, str]) -> list[MachineVisit]:
    """Return visits with further problems by machine."""
    return [
        msgspec.structs.replace(each, problems=(*each.problems, problems[each.name])) if each.name in problems else each
        for each in visits
    ]
