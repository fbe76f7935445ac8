"""What every accuracy computation shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from pathlib import Path


class AccuracyError(LocatedError):
    """An accuracy cannot be computed from what was given."""


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        AccuracyError: it cannot be written there.
    """
    try:
        replace_text(path, text)
    except OSError as error:
        raise AccuracyError(path, f"cannot be written ({error.strerror})", "give a place that can be") from error
