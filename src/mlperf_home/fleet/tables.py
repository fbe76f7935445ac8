"""A fleet as tables: what runs where, since when, what is left, what failed."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.fleet.machines import MachineVisit
    from mlperf_home.contracts.fleet.store import FleetDescription
    from mlperf_home.contracts.fleet.units import Unit
    from mlperf_home.fleet.store import UnitHistory

UNIT_HEADER = ("unit", "machine", "state", "since", "took", "note")
MACHINE_HEADER = ("machine", "cpu", "python", "free", "notes")
_WAITING, _MOST_ROWS = "waiting", 60
_MINUTE_S, _HOUR_S = 60, 3600


def state_of(history: UnitHistory | None, *, driven: bool = True) -> str:
    """Return the state of a unit in a word; without a process that drives the fleet, a started unit may be running."""
    if history is None or history.last is None:
        return _WAITING
    state = history.last.state
    if state == "started":
        return "running" if driven else "started"
    return state


def counts(units: Sequence[Unit], histories: Mapping[str, UnitHistory], *, driven: bool = True) -> str:
    """Return the number of units in each state: "3 done, 1 failed"."""
    found = Counter(state_of(histories.get(each.digest), driven=driven) for each in units)
    return ", ".join(f"{count} {state}" for state, count in found.most_common())


def unit_rows(
    units: Sequence[Unit], histories: Mapping[str, UnitHistory], *, driven: bool, every: bool
) -> list[tuple[str, ...]]:
    """Return a row for each unit; of many units, only those that run or failed unless `every` is set."""
    rows: list[tuple[str, ...]] = []
    for unit in units:
        history = histories.get(unit.digest)
        state = state_of(history, driven=driven)
        if not every and len(units) > _MOST_ROWS and state in {"done", _WAITING}:
            continue
        last = history.last if history else None
        took = duration(last.seconds) if last and last.seconds is not None else ""
        since = duration(max(0.0, time.time() - last.time_s)) if last and state in {"running", "started"} else ""
        place = last.machine if last and last.machine else unit.target
        place += f" ({last.node})" if last and last.node and last.node != last.machine else ""
        rows.append((unit.label or " ".join(unit.words[2:]), place, state, since, took, last.note if last else ""))
    return rows


def machine_rows(visits: Sequence[MachineVisit]) -> list[tuple[str, ...]]:
    """Return a row for each visited machine: its facts, problems and warnings."""
    rows: list[tuple[str, ...]] = []
    for visit in sorted(visits, key=lambda each: each.name):
        facts = visit.facts
        free = f"{facts.free_bytes / 2**30:.0f} GiB" if facts and facts.free_bytes is not None else ""
        notes = "; ".join((*(f"PROBLEM: {each}" for each in visit.problems), *visit.warnings)) or "ready"
        cpus = f", {len(facts.cpus)} CPUs" if facts and facts.cpus else ""
        cpu = f"{facts.cpu or facts.machine}{cpus}" if facts else "unknown"
        rows.append((visit.name, cpu, facts.python if facts else "unknown", free, notes))
    return rows


def cost_text(description: FleetDescription, histories: Mapping[str, UnitHistory]) -> str:
    """Return what the attempts have cost so far; "unknown" if no machine has a price."""
    if all(each.price_per_hour is None for each in description.machines):
        return "unknown: no machine has a price"
    spent = sum(each.spent for each in histories.values())
    return f"{spent:.2f} {description.currency}"


def duration(seconds: float) -> str:
    """Return a duration in its largest units: "2 h 5 min", "40 s"."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{int(seconds // _HOUR_S)} h {int(seconds % _HOUR_S // _MINUTE_S)} min"
