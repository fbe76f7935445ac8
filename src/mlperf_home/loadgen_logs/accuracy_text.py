"""accuracy.txt: the official text that holds a result's accuracy and the hash of the log it was computed from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The forms that the submission checker matches, from the start of a line; names carry their units.
_FORMS = (
    (
        re.compile(r'^\{["\']exact_match["\']:\s*([\d.]+),\s*["\']f1["\']:\s*([\d.]+)\}', re.MULTILINE),
        ("exact_match_percent", "f1_percent"),
    ),
    (
        re.compile(r"^accuracy=([\d.]+)%, good=(\d+), total=(\d+)", re.MULTILINE),
        ("top1_percent", "good_samples", "total_samples"),
    ),
)
_HASH = re.compile(r"^hash=([0-9a-f]{64})$", re.MULTILINE)


class AccuracyTextError(LocatedError):
    """accuracy.txt is absent or holds no accuracy."""


@dataclass(frozen=True)
class AccuracyText:
    """What accuracy.txt says.

    Attributes:
        values: the accuracy, by name with unit.
        log_sha256: the hash of the accuracy log it was computed from, or None where the text has none.
        count: how many lines say an accuracy; the first is taken.
    """

    values: Mapping[str, float]
    log_sha256: str | None
    count: int = 1

    @property
    def percent(self) -> float:
        """The accuracy that the rules go by: F1, or top-1."""
        return [value for name, value in self.values.items() if name.endswith("_percent")][-1]


def read_accuracy_text(path: Path) -> AccuracyText:
    """Read accuracy.txt.

    Raises:
        AccuracyTextError: it cannot be read, or no line has one of the official forms.
    """
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise AccuracyTextError(path, f"cannot be read ({error.strerror})", "compute the accuracy again") from None
    found = _HASH.search(text)
    for form, names in _FORMS:
        if match := form.search(text):
            try:
                values = dict(zip(names, map(float, match.groups()), strict=True))
            except ValueError:
                # As in 90.1.8, which has the form but is no number.
                break
            count = sum(len(each.findall(text)) for each, _ in _FORMS)
            return AccuracyText(values, found.group(1) if found else None, count)
    raise AccuracyTextError(path, "holds no accuracy in an official form", "compute the accuracy again")


def kept_hash(path: Path) -> str | None:
    """Return the hash of the accuracy log that accuracy.txt keeps; None where it says no accuracy or no hash."""
    try:
        return read_accuracy_text(path).log_sha256
    except AccuracyTextError:
        return None
