"""A study's journal: one JSON line an observation, on the disk before it is used; nothing is rewritten."""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

_SCHEMA = 1


class JournalError(LocatedError):
    """A journal is of something else, or is in use."""


class Journal:
    """Observations by key, and the file that keeps them; use it as a context."""

    def __init__(self, path: Path, study: Mapping[str, Any]) -> None:
        """Open a journal, or begin one; its folder has to exist.

        Args:
            path: the file.
            study: what the study is (space, settings, seed); a journal of another one is refused.

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    Args:
        path: the file.
        damages: takes a sentence for each line that cannot be read; a last one without its end is still being written.
    """
    if not path.is_file():
        return {}
    *whole, _ = path.read_bytes().split(b"\n")
    return {entry["key"]: entry["observed"] for entry in _entries(path, whole, damages) if "key" in entry}


def _entries(path: Path, lines: Iterable[bytes], damages: list[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        entry = _decoded(line) if line.strip() else {}
        if entry:
            yield entry
        elif entry is None:
            damages.append(f"{path}: line {number} is damaged; what it held is measured again")


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
        entry = document["entry"]
        whole = zlib.crc32(json.dumps(entry, sort_keys=True).encode()) == document["crc32"]
    except (ValueError, KeyError, TypeError):
        return None
    return entry if whole and ("study" in entry or "key" in entry) else None
