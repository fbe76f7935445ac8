"""What can be known before a run of what would stand in the way of its submission."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# BERT's whole accuracy log has 67 MB, and it is kept beside the truncated one.
_NEEDED_BYTES = 300 * 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SHORT_STYLES = ("test", "fast")


@dataclass(frozen=True)
class Prerequisites:
    """What is known before a run.

    Attributes:
        submission_dir, results_dir: where the two go; they need not be there yet.
        submitter: the submitter's name, or "".
        model_name: the model's name as the user gives it, or "".
        style: the run's length: "valid", "test", "fast" or "sample".
        sample: whether the embedded sample is run.
        allow_sample: whether a submission of samples is wanted, for trying.
    """

    submission_dir: Path
    results_dir: Path
    submitter: str
    model_name: str
    style: str
    sample: bool
    allow_sample: bool


def obstacles(known: Prerequisites) -> list[str]:
    """List what stands in the way, each with what to do; empty if nothing is known that does."""
    return [*_names(known), *_style(known), *_places(known)]


def _names(known: Prerequisites) -> Iterator[str]:
    if not known.submitter:
        yield "no submitter is named: give --submitter"
    for option, name in (("submitter", known.submitter), ("model_name", known.model_name)):
        if name and not _NAME.fullmatch(name):
            yield f"--{option}={name!r} names a folder: use letters, digits and . _ + - without spaces"


def _style(known: Prerequisites) -> Iterator[str]:
    if known.style in _SHORT_STYLES:
        yield f"{known.style} runs are too short to be submitted: use --execution_mode=valid"
    if known.sample and not known.allow_sample:
        yield "a sample is no MLPerf result: measure with the real dataset, or give --allow_sample to try"


def _places(known: Prerequisites) -> Iterator[str]:
    for folder in (known.results_dir, known.submission_dir):
        existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if not existing.is_dir():
            yield f"{existing} is a file, not a folder: give another place"
        elif not os.access(existing, os.W_OK | os.X_OK):
            yield f"{existing} cannot be written: give a folder of yours"
        elif (free := shutil.disk_usage(existing).free) < _NEEDED_BYTES:
            yield f"{existing} has {free / 2**20:.0f} MB free, {_NEEDED_BYTES / 2**20:.0f} MB are wanted: make room"
