"""What measures a point, a live harness or a replayed table, and the journal of what was observed.

A journal has one JSON line an observation, on the disk before it is used; nothing is rewritten.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlperf_home.errors import LocatedError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from mlperf_home.exploration.definition.space import Point

_SCHEMA = 1


class PointFailedError(LocatedError):
    """A point cannot be measured; the others can."""


class AbsentPointError(PointFailedError):
    """A point cannot be measured now, for want of something that may be there the next time."""


@dataclass(frozen=True)
class Observation:
    """What one run of a point said.

    Attributes:
        values: the metrics by name with unit ("latency_ms"), positive numbers.
        query_count: queries that were answered.
        cost_s: the time that the run took, with starting and ending.
    """

    values: Mapping[str, float]
    query_count: int
    cost_s: float


@dataclass(frozen=True)
class AccuracyCount:
    """How many of `count` samples a model got right (of answers: the sum of their F1), and what it took."""

    correct: float
    count: int
    cost_s: float


class Meter(Protocol):
    """Measures points of a space; each method may raise PointFailedError."""

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Run a point for a short time; `number` counts its probes from 0."""

    def official(self, point: Point) -> Observation:
        """Run a point by the round's rules."""

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Run the samples from `first` up to, not with, `last` of the dataset, the same for every point."""


class JournaledMeter:
    """A meter that keeps everything, failures too, in a journal, and measures only what is not there yet."""

    def __init__(self, meter: Meter, journal: Journal) -> None:
        """Put a journal before a meter."""
        self._meter, self._journal = meter, journal

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """See `Meter.probe`."""
        key = f"probe/{number}/{point.name}"
        return Observation(**self._kept(point, key, lambda: self._meter.probe(point, seconds, number)))

    def official(self, point: Point) -> Observation:
        """See `Meter.official`."""
        return Observation(**self._kept(point, f"official/{point.name}", lambda: self._meter.official(point)))

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """See `Meter.check`."""
        key = f"check/{first}-{last}/{point.name}"
        return AccuracyCount(**self._kept(point, key, lambda: self._meter.check(point, first, last)))

    def _kept(self, point: Point, key: str, measure: Callable[[], Observation | AccuracyCount]) -> dict[str, Any]:
        found = self._journal.find(key)
        if found is None:
            failure = f"failed/{point.name}"
            if failed := self._journal.find(failure):
                raise PointFailedError(point.name, failed["problem"], failed["advice"])
            try:
                found = asdict(measure())
            except PointFailedError as error:
                if not isinstance(error, AbsentPointError):
                    self._journal.add(failure, {"problem": error.problem, "advice": error.advice})
                raise
            self._journal.add(key, found)
        return found


class JournalError(LocatedError):
    """A journal is of something else, or is in use."""


class Journal:
    """Observations by key, and the file that keeps them; use it as a context."""

    def __init__(self, path: Path, study: Mapping[str, Any]) -> None:
        """Open the journal of a study (space, settings, seed), or begin one; its folder has to exist.

        Raises:
            JournalError: of another study, or in use by another process.
        """
        self.path = path
        self.damages: list[str] = []
        self._kept: dict[str, dict[str, Any]] = {}
        self._file = path.open("a+b")
        if not locks.acquire(self._file):
            self._file.close()
            problem = "is in use: another command is running this experiment"
            raise JournalError(path, problem, "wait until that has ended, or run yours under another name")
        try:
            self._read(study)
        except JournalError:
            self._file.close()
            raise

    def __enter__(self) -> Journal:  # noqa: PYI034 - typing has no Self in Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def find(self, key: str) -> dict[str, Any] | None:
        """Return what was observed under a key, or None."""
        return self._kept.get(key)

    def add(self, key: str, observed: Mapping[str, Any]) -> None:
        """Keep an observation; it is on the disk when this returns."""
        self._kept[key] = dict(observed)
        self._write({"key": key, "observed": dict(observed)})

    def _read(self, study: Mapping[str, Any]) -> None:
        self._file.seek(0)
        lines = self._file.read().split(b"\n")
        begun = False
        for entry in _entries(self.path, lines, self.damages):
            if "study" not in entry:
                self._kept[entry["key"]] = entry["observed"]
            elif (entry["schema"], entry["study"]) == (_SCHEMA, json.loads(json.dumps(study))):
                begun = True
            else:
                problem = "is of an experiment with another space, other settings or another seed"
                raise JournalError(self.path, problem, "give the same ones, or run yours under another name")
        if lines[-1]:
            # A writer was killed in the middle of a line: the next one starts on its own.
            self._file.write(b"\n")
        if not begun:
            if self._kept:
                self.damages.append(f"{self.path}: the line that names its study is damaged; it is written again")
            self._write({"schema": _SCHEMA, "study": dict(study)})

    def _write(self, entry: Mapping[str, Any]) -> None:
        text = json.dumps(entry, sort_keys=True, allow_nan=False)
        self._file.write(f'{{"crc32": {zlib.crc32(text.encode())}, "entry": {text}}}\n'.encode())
        self._file.flush()
        os.fsync(self._file.fileno())


def observations(path: Path, damages: list[str]) -> dict[str, dict[str, Any]]:
    """Return what a journal holds by key, while another process may be writing it; nothing where there is none.

    `damages` takes a sentence for each line that cannot be read; a last one without its end is still being written.
    """
    if not path.is_file():
        return {}
    *whole, _ = path.read_bytes().split(b"\n")
    return {entry["key"]: entry["observed"] for entry in _entries(path, whole, damages) if "key" in entry}


def _entries(path: Path, lines: Iterable[bytes], damages: list[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            entry = document["entry"]
            whole = zlib.crc32(json.dumps(entry, sort_keys=True).encode()) == document["crc32"]
            whole = whole and ("study" in entry or "key" in entry)
        except (ValueError, KeyError, TypeError):
            whole = False
        if whole:
            yield entry
        else:
            damages.append(f"{path}: line {number} is damaged; what it held is measured again")
