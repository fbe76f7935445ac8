"""Where the results of a tree lie, its lock, and findings: rules that its files break, with what to do about each."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlperf_home.errors import LocatedError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.loadgen_logs.run_log import DetailLog
    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Benchmark, Division


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
        return " ".join(f"{self.path}: {self.problem}; {self.remedy} [{self.rule}]".split())


@dataclass(frozen=True)
class CheckScope:
    """What a check goes by.

    Attributes:
        root: the submission's root.
        rules: the round's rules.
        sample: whether samples are allowed; of a result being checked, whether it is one that is.
        tolerant: whether a run that is too short, or of a part of the dataset, is only noted.
    """

    root: Path
    rules: Round
    sample: bool
    tolerant: bool

    def finding(self, path: Path, rule: str, problem: str, remedy: str, *, note: bool = False) -> Finding:
        """Make a finding about a file: an error, or a note."""
        return Finding(self.shown(path), rule, problem, remedy, "note" if note else "error")

    def shown(self, path: Path) -> str:
        """Give the path as a finding says it."""
        return path.relative_to(self.root).as_posix() if path != self.root else "."


@dataclass(frozen=True)
class CheckedResult(CheckScope):
    """One result being checked.

    Attributes:
        place: where it lies.
        name: its benchmark's name, which the round knows.
        scenario: the scenario that its folder says.
        run: the folder of the logs of its performance run, or of a compliance test's.
        detail: the detail log in that folder.
    """

    place: ResultPlace
    name: str
    scenario: str
    run: Path
    detail: DetailLog

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark's rules."""
        return self.rules.benchmarks[self.name]

    @property
    def division(self) -> Division | None:
        """The rules of its division; None of one that the round does not know."""
        return self.rules.divisions.get(self.place.submitter.division)

    @property
    def measured(self) -> str:
        """The scenario that was run, which another may be inferred from."""
        return str(self.detail.settings.get("scenario", self.scenario))

    @property
    def inferred_from(self) -> str | None:
        """The scenario that was run instead; None where it was this one."""
        return self.measured if self.measured != self.scenario else None


@dataclass(frozen=True)
class Submitter:
    """The folder of one submitter in one division."""

    division: str
    folder: Path

    @property
    def name(self) -> str:
        """The submitter's name."""
        return self.folder.name

    def results(self) -> Iterator[ResultPlace]:
        """List the results: every folder three levels below `results`, in the order of their paths."""
        for model in self.models():
            for scenario in subfolders(model):
                yield ResultPlace(self, model.parent.name, model.name, scenario.name)

    def models(self, kind: str = "results") -> Iterator[Path]:
        """List the folders of models, two levels below `results` (or another folder of the submitter's)."""
        for sut in subfolders(self.folder / kind):
            yield from subfolders(sut)

    def description(self, sut: str) -> Path:
        """Where a system's description stands."""
        return self.folder / "systems" / f"{sut}.json"


@dataclass(frozen=True)
class ResultPlace:
    """One scenario of one model on one system."""

    submitter: Submitter
    sut: str
    model: str
    scenario: str

    @property
    def results(self) -> Path:
        """The folder with its logs."""
        return self.below("results")

    @property
    def measurements(self) -> Path:
        """The folder with its measurement files."""
        return self.below("measurements")

    def below(self, kind: str) -> Path:
        """Return its folder below another of the submitter's ("compliance")."""
        return self.submitter.folder / kind / self.sut / self.model / self.scenario


def submitters(root: Path, rules: Round) -> Iterator[Submitter]:
    """List the submitters of every division that the round knows."""
    for division in rules.submission.folders.divisions:
        for folder in subfolders(root / division):
            yield Submitter(division, folder)


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name; none where there is no such folder."""
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def files(folder: Path) -> set[str]:
    """Name what stands in a folder; nothing where there is no such folder."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


class BusyError(LocatedError):
    """Another process works on the submission."""


@contextmanager
def lock_submission(root: Path, refusal: type[LocatedError] = BusyError) -> Iterator[None]:
    """Keep others from making, shortening, restoring or packing a submission; the lock is the folder's own.

    Raises:
        BusyError: another process holds it; or the caller's `refusal`.
        OSError: it cannot be opened.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not locks.acquire(descriptor):
            problem = "another process is making a submission here, or packing it"
            raise refusal(root, problem, "wait for it, or give another --submission_dir")
        yield
    finally:
        os.close(descriptor)
