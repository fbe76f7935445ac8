"""The store of a fleet: lines that say what each unit came to. It is the truth; Dask's memory is not.

<home>/fleets/<name>/
   fleet.json        the machines, the command and the units
   units.jsonl       the store
   lock              held by the process that drives the fleet
   machines/<machine>/<unit>/  the collected outputs
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.fleet.store import FLEET_LIMITS, LINE_LIMITS, FleetDescription, StopLine, UnitLine
from mlperf_home.contracts.sealed_lines import is_sealed, seal, unsealed
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.line_file import LineFile, mend_last_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

ENDED = frozenset({"done", "failed", "deadline", "stopped"})
"""The states that a runner's result has; each ends an attempt."""


class FleetError(LocatedError):
    """A fleet is unknown, or cannot be used."""


@dataclass
class UnitHistory:
    """What the store says of a unit: its last line, and the number of attempts that ended on each machine."""

    last: UnitLine | None = None
    started_on: str = ""
    attempts: dict[str, int] = field(default_factory=dict)
    spent: float = 0.0

    @property
    def done(self) -> bool:
        """Whether its result is here."""
        return self.last is not None and self.last.state == "done"

    def note(self, line: UnitLine) -> None:
        """Take a line into account; nothing changes a unit that is done."""
        self.spent += line.cost or 0.0
        if line.state in ENDED:
            self.attempts[line.machine] = max(self.attempts.get(line.machine, 0), line.attempt)
        if not self.done:
            self.last = line
            self.started_on = line.machine if line.state in {"started", "lost"} else ""


class FleetStore:
    """The files of one fleet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = LineFile(folder / "units.jsonl")

    def describe(self, description: FleetDescription) -> None:
        """Write the description."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_document(self.folder / "fleet.json", description)

    def description(self) -> FleetDescription:
        """Read the description.

        Raises:
            FleetError: there is none, or it is damaged.
        """
        try:
            return read_document(self.folder / "fleet.json", FleetDescription, FLEET_LIMITS)
        except DocumentError as error:
            raise FleetError(self.folder.name, error.fault, "run the fleet's command again") from None

    def hold(self, *, wait: bool = False) -> BinaryIO:
        """Lock the fleet for one driving process; closing the file unlocks it.

        Raises:
            FleetError: another process drives it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = (self.folder / "lock").open("a+b")
        if not locks.acquire(file, wait=wait):
            file.close()
            problem = "another process runs this fleet"
            raise FleetError(self.folder.name, problem, "wait for it, or end it by cm run script --tags=stop,fleet")
        return file

    def is_held(self) -> bool:
        """Whether a process drives the fleet now."""
        try:
            self.hold().close()
        except FleetError:
            return True
        return False

    def append(self, entries: Iterable[UnitLine | StopLine]) -> None:
        """Append lines; they are on the disk when this returns."""
        with self.lines.held() as file:
            mend_last_line(file, _is_sealed)
            self.lines.append(file, [seal(each) for each in entries])

    def ask_to_stop(self) -> None:
        """Append the line that ends the fleet."""
        self.append([StopLine(stop=True, time_s=time.time())])

    def entries(self, damages: list[str], start: int = 0) -> Sequence[UnitLine | StopLine]:
        """Read all lines from a place of the file; `damages` takes a sentence for each that cannot be read."""

        def damaged(words: str) -> None:
            damages.append(f"{self.lines.path}: {words}; its unit is looked up again")

        return list(unsealed(self._whole_lines(start), _kind_of, LINE_LIMITS, damaged))

    def _whole_lines(self, start: int) -> Iterator[bytes]:
        """Yield the lines from a place of the file to the end of the last whole batch."""
        left = self.lines.size() - start
        if not self.lines.path.exists():
            return
        with self.lines.path.open("rb") as file:
            file.seek(start)
            for line in read_lines(file, LINE_LIMITS.size):
                if left <= 0 or not line.endswith(b"\n"):
                    return
                left -= len(line)
                yield line

    def histories(self, damages: list[str]) -> dict[str, UnitHistory]:
        """Return the history of each unit that the store knows."""
        histories: dict[str, UnitHistory] = {}
        for entry in self.entries(damages):
            if isinstance(entry, UnitLine):
                histories.setdefault(entry.unit, UnitHistory()).note(entry)
        return histories

    def unit_folder(self, machine: str, digest: str) -> Path:
        """Return the folder of a unit's collected outputs."""
        return self.folder / "machines" / machine / digest[:16]


def fleets_of(root: Path) -> list[FleetStore]:
    """Return all fleets below a folder, the newest last."""
    files = sorted(root.glob("*/fleet.json"), key=lambda path: path.stat().st_mtime)
    return [FleetStore(path.parent) for path in files]


def named_fleets(root: Path, name: str) -> list[FleetStore]:
    """Return the fleet of a name, or all of them without a name.

    Raises:
        FleetError: there is none of that name.
    """
    fleets = fleets_of(root)
    named = [each for each in fleets if name in {"", each.folder.name}]
    if name and not named:
        known = ", ".join(each.folder.name for each in fleets) or "none yet"
        raise FleetError(name, "there is no such fleet", f"there are: {known}")
    return named


def _is_sealed(line: bytes) -> bool:
    return is_sealed(line, _kind_of, LINE_LIMITS)


def _kind_of(entry: Mapping[str, Any]) -> type[UnitLine | StopLine]:
    return StopLine if "stop" in entry else UnitLine
