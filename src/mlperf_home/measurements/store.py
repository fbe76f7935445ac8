"""The truth: JSON lines of measurements, appended and never rewritten."""

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
    """Write a measurement as one line of JSON, the same for the same measurement."""
    return json.dumps(asdict(measurement), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def identity(line: str) -> str:
    """Name a line by its content, so that importing the same thing twice keeps it once."""
    return hashlib.sha256(line.encode("utf-8")).hexdigest()[:32]


class Store:
    """A folder with measurements, made at the first append; many processes may append at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LINES_FILE

    def append(self, measurements: Iterable[Measurement]) -> int:
        """Append what is not there yet, all of it or, after an error, nothing; give how many were new.

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
                # A writer that was killed in the middle of a line left it open: the next line starts on its own.
                opening = "\n" if old and not old.endswith(b"\n") else ""
                file.write((opening + "".join(line + "\n" for line in new)).encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(self.path, f"cannot be written ({error.strerror})", "give another folder") from None
        return len(new)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Give each line with its number from 1; nothing where the store does not exist yet."""
        if self.path.exists():
            yield from _lines(self.path)

    def measurements(self, damages: list[str] | None = None) -> Iterator[Measurement]:
        """Give each measurement; a damaged line is named in `damages`, and the others are given all the same."""
        if self.path.exists():
            yield from measurements_in(self.path, damages)


def measurements_in(path: Path, damages: list[str] | None = None) -> Iterator[Measurement]:
    """Give each measurement of a file of lines; a damaged line is named in `damages`.

    Raises:
        StoreError: it cannot be read.
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
                # Bytes that are not UTF-8 are told of where the line is parsed.
                text = line.decode("utf-8", "surrogateescape").rstrip("\n")
                if text:
                    yield number, text
    except OSError as error:
        raise StoreError(path, f"cannot be read ({error.strerror})", "see to its permissions") from None
