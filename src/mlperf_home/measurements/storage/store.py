"""The store of measurements: a file of JSON lines, to which lines are only appended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import MEASUREMENT_LIMITS, MeasurementError, from_json
from scriptgraph.files.line_file import LineFile, mend_last_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

LINES_FILE = "measurements.jsonl"
MOST_BYTES = MEASUREMENT_LIMITS.size
"""The most bytes of a line."""


class StoreError(LocatedError):
    """A store cannot be read or written."""


def to_line(measurement: Measurement) -> str:
    """Return a measurement as one line of JSON; equal measurements have equal lines."""
    values = asdict(measurement)
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def identity(line: str | bytes) -> str:
    """Return the digest of a line; a repeated import of a measurement is recognised by it."""
    return hashlib.sha256(line if isinstance(line, bytes) else line.encode("utf-8")).hexdigest()[:32]


class Store:
    """A folder of measurements, created by the first append; several processes may append at once.

    Attributes:
        damages: a sentence for each part of an append that was cut, because its writer was killed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LINES_FILE
        self.damages: list[str] = []

    def append(self, measurements: Iterable[Measurement]) -> int:
        """Append the measurements that the store does not have: all of them, or none after an error or a kill.

        Returns:
            The number of new measurements.

        Raises:
            StoreError: the folder cannot be written.
        """
        lines = dict.fromkeys(to_line(each).encode("utf-8") for each in measurements)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            whole = LineFile(self.path)
            with whole.held() as file:
                if cut := mend_last_line(file, _is_measurement):
                    problem = f"removed the last line, which was cut off after {len(cut)} bytes"
                    self.damages.append(f"{self.path}: {problem}; import that measurement again")
                file.seek(0)
                known = {identity(line.removesuffix(b"\n")) for line in read_lines(file, MOST_BYTES)}
                new = [line + b"\n" for line in lines if identity(line) not in known]
                whole.append(file, new)
        except OSError as error:
            raise StoreError(self.path, f"cannot be written ({error.strerror})", "use another folder") from None
        return len(new)

    def size(self) -> int:
        """Return the size of the appended measurements in bytes, without those of a killed writer.

        Raises:
            StoreError: the file cannot be read.
        """
        return _size(self.path)

    def lines(self) -> Iterator[tuple[int, bytes]]:
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
            yield from_json(line.removesuffix(b"\n"), f"{path}, line {number}")
        except MeasurementError as error:  # noqa: PERF203 - each line may fail alone
            if damages is not None:
                cut = f"{path}, line {number}: is cut off after {len(line)} bytes; import that measurement again"
                damages.append(str(error) if line.endswith(b"\n") else cut)


def _is_measurement(line: bytes) -> bool:
    try:
        from_json(line)
    except MeasurementError:
        return False
    return True


def _size(path: Path) -> int:
    try:
        return LineFile(path).size()
    except OSError as error:
        raise _unreadable(path, error) from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the numbers of lines, and their bytes with their ends."""
    rest = _size(path)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(read_lines(file, MOST_BYTES), 1):
                if file.tell() > rest:
                    return
                if line.strip():
                    yield number, line
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(path, f"cannot be read ({error.strerror})", "check its permissions")
