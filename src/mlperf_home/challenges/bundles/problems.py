"""Problems of a bundle: pairs of file and text; grouped by their cause for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.rules import UnknownRoundError
from scriptgraph.errors import DocumentError
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from scriptgraph.errors import ManifestError

Problem = tuple[str, str]
_LONGEST = 300
_SHOWN_OF_A_FILE, _SHOWN_LINES = 3, 20
# Every fault that a reader of malformed bytes may raise.
FAULTS = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    UnknownRoundError,
)


def problem_of(error: DocumentError | ManifestError | LocatedError) -> str:
    """Return pointer and problem of an error on one line, cut to 300 characters: a key may be as long as a file."""
    pointer = "" if isinstance(error, LocatedError) else error.pointer
    return _one_line(f"{pointer}: " * bool(pointer) + error.problem)


def file_of(error: DocumentError | LocatedError, root: Path) -> str:
    """Return the file of an error, relative to the bundle's folder."""
    return str(error.where).replace(f"{root}/", "")


def caught(problems: Iterable[Problem], name: str, root: Path) -> Iterator[Problem]:
    """Yield problems; turn the error that ends them into one more, of the file that it names or of `name`."""
    try:
        yield from problems
    except (DocumentError, LocatedError) as error:
        yield file_of(error, root), problem_of(error)
    except FAULTS as error:
        yield name, _one_line(f"is malformed: it cannot be compared with the rest of the bundle ({error!r})")


def printable(text: str) -> str:
    """Return a text of strangers on one line, with control characters and broken encodings escaped."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)


def _one_line(text: str) -> str:
    line = printable(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def grouped(problems: Iterable[Problem]) -> list[str]:
    """Return one line for each cause, in the order of the first problem of each.

    A text that several files share is one line; of a file with many problems the first three are shown; then come the
    numbers of those that are left out.
    """
    files: dict[str, list[str]] = {}
    for file, text in problems:
        files.setdefault(text, []).append(file)
    shown: dict[str, int] = {}
    lines: list[str] = []
    for text, names in files.items():
        shown[names[0]] = shown.get(names[0], 0) + (len(names) == 1)
        if len(names) > 1:
            lines.append(f"{len(names)} files, the first is {names[0]}: {text}")
        elif shown[names[0]] <= _SHOWN_OF_A_FILE:
            lines.append(f"{names[0]}: {text}")
    left = len(lines) - _SHOWN_LINES
    lines[_SHOWN_LINES:] = [f"and {left} more causes"] if left > 0 else []
    more = {file: count - _SHOWN_OF_A_FILE for file, count in shown.items() if count > _SHOWN_OF_A_FILE}
    lines += [f"and {sum(more.values())} more problems of {', '.join(more)}"] if more else []
    # Texts may quote names from the bundle.
    return [printable_name(line) for line in lines]
