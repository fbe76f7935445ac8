"""The store of measurements: a file of JSON lines, to which lines are only appended."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import MeasurementError, from_json
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

LINES_FILE = "measurements.jsonl"


class StoreError(LocatedError):
    """A store cannot be read or written."""


def to_line(measurement: Measurement) -> str:
    """Return a measurement as one line of JSON; equal measurements have equal lines."""
    return json.dumps(asdict(measurement), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def identity(line: str) -> str:
    """Return the digest of a line; a repeated import of a measurement is recognised by it."""
    return hashlib.sha256(line.encode("utf-8")).hexdigest()[:32]


class Store:
    """A folder of measurements, created by the first append; several processes may append at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LINES_FILE

    def append(self, measurements: Iterable[Measurement]) -> int:
        """Append the measurements that the store does not have: all of them, or none after an error.

        Returns:
            The number of new measurements.

        Raises:
            StoreError: the folder cannot be written.
        """
        lines = [to_line(each) for each in measurements]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                locks.acquire(file, wait=True)
                file.seek(0)
                old = file.read()
                known = {identity(line.decode("utf-8", "replace")) for line in old.split(b"\n") if line}
                new = [line for line in dict.fromkeys(lines) if identity(line) not in known]
                # A killed writer may have left its last line without an end.
                opening = "\n" if old and not old.endswith(b"\n") else ""
                file.write((opening + "".join(line + "\n" for line in new)).encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(self.path, f"cannot be written ({error.strerror})", "use another folder") from None
        return len(new)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines with their numbers, from 1; none if the store does not exist yet."""
        if self.path.exists():
            yield from _lines(self.path)

    def measurements(self, damages: list[str] | None = None) -> Iterator[Measurement]:
        """Yield the measurements; `damages` takes a sentence for each damaged line."""
        if self.path.exists():
            yield from measurements_in(self.path, damages)


def measurements_in(path: Path, damages: list[str] | None = None) -> Iterator[Measurement]:
    """Yield the measurements of a file of JSON lines; `damages` takes a sentence for each damaged line.

    Raises:
        StoreError: the file cannot be read.
    """
    for number, line in _lines(path):
        try:
            yield from_json(line, f"{path}, line {number}")
        except MeasurementError as error:  # noqa: PERF203 - each line may fail alone
            if damages is not None:
                damages.append(str(error))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                # Bytes that are not UTF-8 are reported where the line is parsed.
                text = line.decode("utf-8", "surrogateescape").rstrip("\n")
                if text:
                    yield number, text
    except OSError as error:
        raise StoreError(path, f"cannot be read ({error.strerror})", "check its permissions") from None
