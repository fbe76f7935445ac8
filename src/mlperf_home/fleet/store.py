"""The store of a fleet: lines that say what each unit came to. It is the truth; Dask's memory is not.

<home>/fleets/<name>/
   fleet.json        the machines, the command and the units
   units.jsonl       the store
   lock              held by the process that drives the fleet
   machines/<machine>/<unit>/  the collected outputs
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from mlperf_home.contracts.codec import decode, encode, parse_document, read_document, write_document
from mlperf_home.contracts.fleet.store import (
    FLEET_LIMITS,
    LINE_LIMITS,
    FleetDescription,
    SealedLine,
    StopLine,
    UnitLine,
)
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.line_file import LineFile, mend_last_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
            self.lines.append(file, [_sealed(each) for each in entries])

    def ask_to_stop(self) -> None:
        """Append the line that ends the fleet."""
        self.append([StopLine(stop=True, time_s=time.time())])

    def entries(self, damages: list[str], start: int = 0) -> Sequence[UnitLine | StopLine]:
        """Read all lines from a place of the file; `damages` takes a sentence for each that cannot be read."""
        found: list[UnitLine | StopLine] = []
        end = self.lines.size()
        if not self.lines.path.exists():
            return found
        with self.lines.path.open("rb") as file:
            file.seek(start)
            place = start
            for line in read_lines(file, LINE_LIMITS.size):
                if place >= end or not line.endswith(b"\n"):
                    break
                place += len(line)
                try:
                    found.append(_opened(line))
                except DocumentError as error:
                    text = f"a line near byte {place} is damaged ({error.problem}); its unit is looked up again"
                    damages.append(f"{self.lines.path}: {text}")
        return found

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


def _sealed(entry: UnitLine | StopLine) -> bytes:
    text = json.dumps(encode(entry), sort_keys=True)
    return f'{{"crc32": {zlib.crc32(text.encode())}, "entry": {text}}}\n'.encode()


def _opened(line: bytes) -> UnitLine | StopLine:
    """Decode a line; raise DocumentError if it is damaged."""
    sealed = parse_document(line, SealedLine, "line", LINE_LIMITS)
    if zlib.crc32(json.dumps(sealed.entry, sort_keys=True).encode()) != sealed.crc32:
        raise DocumentError("line", "", "has another checksum")
    kind: type[UnitLine | StopLine] = StopLine if "stop" in sealed.entry else UnitLine
    return decode(sealed.entry, kind, "line")


def _is_sealed(line: bytes) -> bool:
    try:
        _opened(line)
    except DocumentError:
        return False
    return True
