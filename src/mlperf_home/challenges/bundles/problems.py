"""Problems of a bundle: pairs of file and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.errors import DocumentError, ManifestError

Problem = tuple[str, str]
_LONGEST = 300


def problem_of(error: DocumentError | ManifestError | LocatedError) -> str:
    """Return pointer and problem of an error on one line, cut to 300 characters: a key may be as long as a file."""
    pointer = "" if isinstance(error, LocatedError) else error.pointer
    text = " ".join((f"{pointer}: " * bool(pointer) + error.problem).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def file_of(error: DocumentError | LocatedError, root: Path) -> str:
    """Return the file of an error, relative to the bundle's folder."""
    return str(error.where).replace(f"{root}/", "")
