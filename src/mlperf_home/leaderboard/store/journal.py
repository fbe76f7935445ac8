"""The journal of a board, and its files of verdicts: lines of JSON that are only appended."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mlperf_home.contracts.codec import parse_document, to_line
from mlperf_home.contracts.leaderboard.events import EVENT_LIMITS, Event, VerdictLine
from mlperf_home.leaderboard.store.errors import BoardError
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.line_file import LineFile, mend_last_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

JOURNAL_FILE, VERDICTS_DIR = "journal.jsonl", "verdicts"
_DAMAGED = "it was edited or the disk is damaged: restore the board from its copy"
_T = TypeVar("_T")


class BoardJournal:
    """The events of a board, in order."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL_FILE

    def events(self, after: int = 0) -> Iterator[Event]:
        """Yield the events after the first `after` ones. Raise BoardError if a line is damaged."""
        for number, line in _whole_lines(self.path):
            if number > after:
                yield _parsed(line, Event, f"{self.path}, line {number}")  # type: ignore[arg-type]

    def append(self, events: Sequence[Event]) -> None:
        """Append events: all or none; raise BoardError if the file cannot be written."""
        lines = LineFile(self.path)
        try:
            with lines.held() as file:
                mend_last_line(file, lambda _: False)
                lines.append(file, [to_line(event).encode() + b"\n" for event in events])
        except OSError as error:
            raise BoardError(self.path, f"cannot be written ({error.strerror})", "free some space") from None


class Verdicts:
    """The verdicts of a board: one file for each judging that changed something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / VERDICTS_DIR

    def files(self) -> list[Path]:
        """Return the files, the oldest first."""
        return sorted(self.folder.glob("[0-9]*.jsonl"))

    def lines(self, path: Path) -> Iterator[VerdictLine]:
        """Yield the lines of a file. Raise BoardError if one is damaged."""
        for number, line in _whole_lines(path):
            yield _parsed(line, VerdictLine, f"{path}, line {number}")

    def add(self, lines: Sequence[VerdictLine]) -> Path:
        """Write the lines of a judging as one file, whole or not at all; return it."""
        self.folder.mkdir(exist_ok=True)
        latest = self.files()
        number = int(latest[-1].stem) + 1 if latest else 1
        path = self.folder / f"{number:06}.jsonl"
        replace_text(path, "".join(f"{to_line(each)}\n" for each in lines))
        return path


def _whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the numbers and lines of a file, without what a killed writer left."""
    rest = LineFile(path).size()
    if not rest:
        return
    with path.open("rb") as file:
        for number, line in enumerate(read_lines(file, EVENT_LIMITS.size), 1):
            if file.tell() > rest or not line.endswith(b"\n"):
                return
            yield number, line.removesuffix(b"\n")


def _parsed(line: bytes, kind: type[_T], where: str) -> _T:
    try:
        return parse_document(line, kind, where, EVENT_LIMITS)
    except DocumentError as error:
        raise BoardError(where, f"is damaged ({error.pointer or 'it'}: {error.problem})", _DAMAGED) from None
