"""The speeds of models on this machine, stored after each run for the plans of later ones."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

from scriptgraph.files.atomic import LockedJson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE = "run-speeds.json"


@dataclass(frozen=True)
class RunSpeed:
    """One run of a model.

    Attributes:
        run_s: the time of LoadGen in seconds.
        around_s: the time before and after it: imports, opening, checks.
        queries, samples: the completed queries and samples.
        at_s: Unix time of its end.
        recalibration_s: how long the calibration took, if the next run makes a doubtful one anew; else 0.
    """

    run_s: float
    around_s: float
    queries: int
    samples: int
    at_s: float
    recalibration_s: float = 0.0

    @property
    def query_s(self) -> float:
        """Seconds for one query."""
        return self.run_s / max(1, self.queries)

    @property
    def sample_s(self) -> float:
        """Seconds for one sample."""
        return self.run_s / max(1, self.samples)


class ClassSpeed(NamedTuple):
    """The published times of one sample on a class of CPU, in seconds, and their source in words."""

    fastest_s: float
    slowest_s: float
    basis: str


class Speeds:
    """The last run of each subject, engine and mode, in a JSON file below `state`.

    A subject is a model in a scenario, in words. What cannot be read counts as unknown: speeds only inform plans.
    """

    def __init__(self, state: Path) -> None:
        self._file = LockedJson(state / _FILE)

    def note(self, subject: str, engine: str, mode: str, speed: RunSpeed) -> None:
        """Store the speed of a complete run."""
        kept = asdict(speed)
        self._file.update(lambda document: _within(_within(document, subject), engine).update({mode: kept}))

    def find(self, subject: str, engine: str = "") -> dict[str, RunSpeed]:
        """Return the last runs of a subject by mode; without an engine, those on the one that ran last."""
        engines = _within(self._file.read(), subject)
        by_engine = [_speeds(engines.get(name)) for name in ([engine] if engine else engines)]
        return max(by_engine, key=lambda runs: max((each.at_s for each in runs.values()), default=0.0), default={})


def measured(wall_s: float, run_s: float, queries: int, samples: int, recalibration_s: float = 0.0) -> RunSpeed:
    """Return the speed of a run that ended now; `wall_s` is the whole time of its step, calibration excluded."""
    around_s = round(max(0.0, wall_s - run_s), 3)
    return RunSpeed(round(run_s, 3), around_s, queries, samples, round(time.time()), round(recalibration_s, 3))


def _within(document: dict[str, object], key: str) -> dict[str, object]:
    """Return the object of a key; what is no object is replaced by an empty one."""
    found = document.get(key)
    if not isinstance(found, dict):
        found = document[key] = {}
    return found


def _speeds(runs: object) -> dict[str, RunSpeed]:
    found = {mode: _speed(each) for mode, each in runs.items()} if isinstance(runs, dict) else {}
    return {mode: speed for mode, speed in found.items() if speed is not None}


def _speed(kept: object) -> RunSpeed | None:
    if not isinstance(kept, dict) or not _numbers(kept):
        return None
    return RunSpeed(**{field.name: kept[field.name] for field in fields(RunSpeed) if field.name in kept})


def _numbers(kept: Mapping[str, object]) -> bool:
    values = [kept.get(field.name, field.default) for field in fields(RunSpeed)]
    return all(isinstance(each, int | float) and not isinstance(each, bool) and each >= 0 for each in values)
