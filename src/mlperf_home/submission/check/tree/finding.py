"""What a check finds: one rule that one file breaks, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.rules import Round


@dataclass(frozen=True, order=True)
class Finding:
    """One finding.

    Attributes:
        path: the file or folder, relative to the submission's root.
        rule: the rule's short name ("system-field"), the same for the same kind of finding.
        problem: what is wrong there.
        remedy: what to do.
        level: "error" stands in the submission's way; a "note" does not.
    """

    path: str
    rule: str
    problem: str
    remedy: str
    level: Literal["error", "note"] = "error"

    def __str__(self) -> str:
        """Give the finding as one line."""
        text = f"{self.path}: {self.problem}; {self.remedy} [{self.rule}]"
        return " ".join(text.split())


@dataclass(frozen=True)
class Frame:
    """What a check goes by.

    Attributes:
        root: the submission's root.
        rules: the round's rules.
        sample: whether the result being checked is of sample data and samples are allowed.
        tolerant: whether a run that is too short, or of a part of the dataset, is only noted.
    """

    root: Path
    rules: Round
    sample: bool = False
    tolerant: bool = False

    def finding(self, path: Path, rule: str, problem: str, remedy: str) -> Finding:
        """Make an error about a file."""
        return Finding(self.shown(path), rule, problem, remedy)

    def note(self, path: Path, rule: str, problem: str, remedy: str) -> Finding:
        """Make a note about a file."""
        return Finding(self.shown(path), rule, problem, remedy, "note")

    def of_length(self, path: Path, rule: str, problem: str, remedy: str) -> Finding:
        """Make a finding about the size of a run or of its dataset, which is a note where one is tolerant."""
        make = self.note if self.tolerant else self.finding
        return make(path, rule, problem, remedy)

    def shown(self, path: Path) -> str:
        """Give the path as a finding says it."""
        return path.relative_to(self.root).as_posix() if path != self.root else "."
