"""The journal of observations: one JSON line each, on the disk before it is used.

Lines are only appended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlperf_home.contracts.codec import decode, encode
from mlperf_home.contracts.sealed_lines import is_sealed, seal, unsealed
from mlperf_home.contracts.studies.journal import LINE_LIMITS, ObservedEntry, StudyEntry
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.line_file import append_whole, mend_last_line, read_lines
from scriptgraph.files.reported import not_yet_reported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_T = TypeVar("_T")
_SCHEMA = 1


class JournalError(LocatedError):
    """A journal belongs to another study, or is in use."""


class Journal:
    """Observations by key, and the file that stores them; a context manager."""

    def __init__(self, path: Path, study: object) -> None:
        """Open the journal of a study (space, settings, seed), or create one in an existing folder.

        Raises:
            JournalError: the journal belongs to another study, or another process uses it.
        """
        self.path = path
        self.damages: list[str] = []
        self._observed: dict[str, Any] = {}
        self._file = path.open("a+b")
        if not locks.acquire(self._file):
            self._file.close()
            problem = "is in use: another command is running this experiment"
            raise JournalError(path, problem, "wait until that command has ended, or use another experiment name")
        try:
            self._read(encode(study))
        except JournalError:
            self._file.close()
            raise

    def __enter__(self) -> Journal:  # noqa: PYI034 - typing has no Self in Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def find(self, key: str, kind: type[_T]) -> _T | None:
        """Return the observation under a key, decoded as `kind`; None if there is none.

        Raises:
            JournalError: the observation is a document of another kind.
        """
        if key not in self._observed:
            return None
        try:
            return decode(self._observed[key], kind, key)
        except DocumentError as error:
            raise JournalError(self.path, str(error), "remove that line; the point is then measured again") from None

    def add(self, key: str, observed: object) -> None:
        """Store an observation; it is on the disk when this returns."""
        entry = ObservedEntry(key=key, observed=encode(observed))
        self._observed[key] = entry.observed
        self._write(entry)

    def _read(self, study: Any) -> None:
        if not locks.is_at(self._file, self.path):
            raise JournalError(self.path, "was removed meanwhile, with its experiment", "repeat the command")
        self._file.seek(0)
        begun = False
        damages = list[str]()
        for entry in _entries(self.path, read_lines(self._file, LINE_LIMITS.size), damages):
            if isinstance(entry, ObservedEntry):
                self._observed[entry.key] = entry.observed
            elif (entry.schema, entry.study) == (_SCHEMA, study):
                begun = True
            else:
                problem = "belongs to an experiment with another space, other settings or another seed"
                raise JournalError(self.path, problem, "use the same options, or another experiment name")
        mend_last_line(self._file, _is_entry)
        self.damages += not_yet_reported(self.path, damages)
        if not begun:
            if self._observed:
                self.damages.append(f"{self.path}: the line that names the study is damaged; it is written again")
            self._write(StudyEntry(schema=_SCHEMA, study=study))

    def _write(self, entry: StudyEntry | ObservedEntry) -> None:
        append_whole(self._file, seal(entry))


def read_observations(path: Path, kind: type[_T], damages: list[str]) -> dict[str, _T]:
    """Return the observations of a journal by key; empty if there is no journal.

    Another process may be writing the journal: a last line without its end is ignored. `damages` takes a sentence for
    each line that cannot be read, or is a document of another kind.
    """
    if not path.is_file():
        return {}
    observed: dict[str, _T] = {}
    with path.open("rb") as file:
        ended = (line for line in read_lines(file, LINE_LIMITS.size) if line.endswith(b"\n"))
        for entry in _entries(path, ended, damages):
            if isinstance(entry, ObservedEntry):
                try:
                    observed[entry.key] = decode(entry.observed, kind, f"{path}: {entry.key}")
                except DocumentError as error:
                    damages.append(str(error))
    return observed


def _entries(path: Path, lines: Iterable[bytes], damages: list[str]) -> Iterator[StudyEntry | ObservedEntry]:
    def damaged(words: str) -> None:
        damages.append(f"{path}: {words}; its observation is measured again")

    return unsealed(lines, _kind_of, LINE_LIMITS, damaged)


def _is_entry(line: bytes) -> bool:
    return is_sealed(line, _kind_of, LINE_LIMITS)


def _kind_of(entry: Mapping[str, Any]) -> type[StudyEntry | ObservedEntry]:
    return StudyEntry if "study" in entry else ObservedEntry
