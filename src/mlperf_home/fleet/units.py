"""Make the units of a fleet: a command with values, once for each machine or class of machines."""

from __future__ import annotations

import hashlib
import json
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.contracts.fleet.store import UnitLine
from mlperf_home.contracts.fleet.units import Unit
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.values import make_trials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.experiments.values import Value
    from mlperf_home.fleet.store import FleetStore

MOST_UNITS = 100_000
_CLASS = "class"


class UnitsError(LocatedError):
    """There are too many units."""


def make_units(
    fleet: str,
    words: Sequence[str],
    values: Mapping[str, Sequence[Value]],
    machines: Sequence[FleetMachine],
    each: Literal["machine", "class"],
) -> tuple[Unit, ...]:
    """Return the units of a command, for each combination of values and each target.

    Raises:
        ValuesError: a variable has no placeholder in the command, or a placeholder no variable.
        UnitsError: there are too many.
    """
    targets: dict[str, list[str]] = {}
    for machine in machines:
        kind = machine.labels.get(_CLASS) if each == "class" else None
        targets.setdefault(f"{_CLASS} {kind}" if kind else machine.name, []).append(machine.name)
    trials = make_trials(values, words, fleet)
    if len(trials) * len(targets) > MOST_UNITS:
        count = len(trials) * len(targets)
        raise UnitsError(fleet, f"has {count:,} units, more than {MOST_UNITS:,}", "split it into several fleets")
    return tuple(
        Unit(
            digest=_digest(fleet, trial.argv, target),
            label=trial.words,
            words=trial.argv,
            target=target,
            machines=tuple(names),
        )
        for trial in trials
        for target, names in targets.items()
    )


def default_name(words: Sequence[str], values: Mapping[str, Sequence[Value]]) -> str:
    """Return the name of a fleet from its command and values: the same command goes on with the same fleet."""
    text = json.dumps([list(words), {name: list(each) for name, each in values.items()}])
    return f"fleet-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def with_expected(units: Iterable[Unit], seconds: Mapping[tuple[tuple[str, ...], str], float]) -> tuple[Unit, ...]:
    """Return units with their expected durations: of the same command on the machine, else on any."""
    return tuple(
        msgspec.structs.replace(each, expected_s=seconds.get((each.words, each.target), seconds.get((each.words, ""))))
        for each in units
    )


def known_seconds(fleets: Iterable[FleetStore]) -> dict[tuple[tuple[str, ...], str], float]:
    """Return the median duration of each command on each machine, and under "" on all, from units that are done."""
    found: dict[tuple[tuple[str, ...], str], list[float]] = {}
    for store in fleets:
        try:
            words = {each.digest: each.words for each in store.description().units}
        except LocatedError:
            continue  # shown by `cm show fleet`; its durations are missed here
        for line in store.entries([]):
            if isinstance(line, UnitLine) and line.state == "done" and line.seconds and line.unit in words:
                for machine in (line.machine, ""):
                    found.setdefault((words[line.unit], machine), []).append(line.seconds)
    return {key: median(seconds) for key, seconds in found.items()}


def _digest(fleet: str, words: Sequence[str], target: str) -> str:
    return hashlib.sha256(json.dumps([fleet, list(words), target]).encode()).hexdigest()
