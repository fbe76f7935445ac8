"""The places of results in a tree, the lock of a tree, and findings."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from mlperf_home.errors import LocatedError
from mlperf_home.rules.layouts import TreeLayout
from mlperf_home.submission.check.contents import TreeContents
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.loadgen_logs.run_log import DetailLog
    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Benchmark, Division

POWER_DIR = "power"
"""The folder of the power meter's logs, beside the performance run."""
RANGING_DIR = "ranging"
"""The folder of the run that found the power meter's range."""


@dataclass(frozen=True, order=True)
class Finding:
    """A violation of a rule, with its remedy.

    Attributes:
        path: the file or folder, relative to the submission's root.
        rule: the rule's short name ("system-field").
        problem: the fault there.
        remedy: the user's next step.
        level: an "error" prevents the submission; a "note" does not.
    """

    path: str
    rule: str
    problem: str
    remedy: str
    level: Literal["error", "note"] = "error"

    def __str__(self) -> str:
        return " ".join(f"{self.path}: {self.problem}; {self.remedy} [{self.rule}]".split())


@dataclass(frozen=True)
class CheckScope:
    """The tree, the rules and the tolerances of a check.

    Attributes:
        root: the submission's root.
        rules: the round's rules.
        sample: whether samples are allowed; for a checked result, whether it is an allowed sample.
        tolerant: whether runs that are too short, or on a part of the dataset, are only noted.
        contents: the contents of the tree's files.
    """

    root: Path
    rules: Round
    sample: bool
    tolerant: bool
    contents: TreeContents = field(default_factory=TreeContents, compare=False, kw_only=True)

    def finding(
        self, path: Path, rule: str, problem: str, remedy: str, *, note: bool = False, noted_as: str = ""
    ) -> Finding:
        """Return a finding about a file: an error, or a note, also if the round only notes this rule.

        The round may know a part of the rule's findings by a name of its own, `noted_as`.
        """
        if not note and (reason := self.rules.submission.noted.get(noted_as or rule)):
            return Finding(self.shown(path), rule, f"{problem} (only noted: {reason})", remedy, "note")
        return Finding(self.shown(path), rule, problem, remedy, "note" if note else "error")

    def shown(self, path: Path) -> str:
        """Return a path in the form of findings."""
        return path.relative_to(self.root).as_posix() if path != self.root else "."


@dataclass(frozen=True)
class CheckedResult(CheckScope):
    """One result, with the scope of its check.

    Attributes:
        place: its place in the tree.
        name: its benchmark's name, known in the round.
        scenario: the scenario of its folder.
        run: the folder of the logs of its performance run, or of a compliance test.
        detail: the detail log in that folder.
    """

    place: ResultPlace
    name: str
    scenario: str
    run: Path
    detail: DetailLog

    @cached_property
    def benchmark(self) -> Benchmark:
        """The benchmark's rules."""
        return self.rules.submitted_benchmarks[self.name]

    @property
    def division(self) -> Division | None:
        """The rules of its division; None if the round does not know it."""
        return self.rules.divisions.get(self.place.submitter.division)

    @property
    def measured(self) -> str:
        """The scenario of the run; a result inferred from it has another."""
        return str(self.detail.settings.get("scenario", self.scenario))

    @property
    def inferred_from(self) -> str | None:
        """The scenario of the run if it is another than the result's, else None."""
        return self.measured if self.measured != self.scenario else None


@dataclass(frozen=True)
class Submitter:
    """The folder of one submitter in one division."""

    division: str
    folder: Path
    layout: TreeLayout = field(default_factory=TreeLayout)

    @property
    def name(self) -> str:
        """The submitter's name."""
        return self.folder.name

    def results(self) -> Iterator[ResultPlace]:
        """Yield the results, the folders three levels below `results`, in the order of their paths."""
        for model in self.models():
            for scenario in subfolders(model):
                yield ResultPlace(self, model.parent.name, model.name, scenario.name)

    def models(self, kind: str = "results") -> Iterator[Path]:
        """Yield the folders of models, two levels below `results` or another folder of the submitter."""
        for sut in subfolders(self.folder / kind):
            yield from subfolders(sut)

    def description(self, sut: str) -> Path:
        """Return the path of a system's description."""
        return self.folder / "systems" / f"{sut}.json"


@dataclass(frozen=True)
class ResultPlace:
    """One scenario of one model on one system."""

    submitter: Submitter
    sut: str
    model: str
    scenario: str

    @cached_property
    def results(self) -> Path:
        """The folder with its logs."""
        return self.below("results")

    @cached_property
    def measurements(self) -> Path:
        """The folder with its measurement files."""
        return self.below(self.submitter.layout.measurements)

    @cached_property
    def tests(self) -> Path:
        """The folder with its compliance tests."""
        return self.below(self.submitter.layout.compliance)

    def below(self, kind: str) -> Path:
        """Return its folder below another folder of the submitter ("compliance")."""
        return self.submitter.folder / f"{kind}/{self.sut}/{self.model}/{self.scenario}"


def submitters(root: Path, rules: Round) -> Iterator[Submitter]:
    """Yield the submitters of every division that the round knows."""
    for division in rules.submission.folders.divisions:
        for folder in subfolders(root / division):
            yield Submitter(division, folder, rules.submission.layout)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name; none if the folder does not exist."""
    try:
        with os.scandir(folder) as entries:
            return [folder / name for name in sorted(entry.name for entry in entries if entry.is_dir())]
    except (FileNotFoundError, NotADirectoryError):
        return []


def files(folder: Path) -> set[str]:
    """Return the names in a folder; none if the folder does not exist."""
    try:
        return {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()


class BusyError(LocatedError):
    """Another process is working on the submission."""


@contextmanager
def lock_submission(root: Path, refusal: type[LocatedError] = BusyError) -> Iterator[None]:
    """Lock a submission's root against other processes that generate, truncate, restore or pack it.

    Raises:
        BusyError: another process holds the lock; `refusal` replaces the class of the error.
        OSError: the root cannot be opened.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not locks.acquire(descriptor):
            problem = "another process is generating or packing a submission here"
            raise refusal(root, problem, "wait for that process, or use another --submission_dir")
        yield
    finally:
        os.close(descriptor)
