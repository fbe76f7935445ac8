"""Faults of a bundle's documents, each as a problem with its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.errors import DocumentError, ManifestError

Problem = tuple[str, str]
_LONGEST = 300


def fault_of(error: DocumentError | ManifestError | LocatedError) -> str:
    """Return what is wrong, with its place in the document; shortened, for a key or value may be as long as a file."""
    pointer = "" if isinstance(error, LocatedError) else error.pointer
    text = " ".join((f"{pointer}: " * bool(pointer) + error.problem).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def file_of(error: DocumentError | LocatedError, root: Path) -> str:
    """Return the file of an error, without the bundle's folder before it."""
    return str(error.where).replace(f"{root}/", "")
