"""Where the results of a tree lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules import Round


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
        for sut in subfolders(self.folder / "results"):
            for model in subfolders(sut):
                for scenario in subfolders(model):
                    yield ResultPlace(self, sut.name, model.name, scenario.name)


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
        return self._below("results")

    @property
    def measurements(self) -> Path:
        """The folder with its measurement files."""
        return self._below("measurements")

    @property
    def compliance(self) -> Path:
        """The folder with its compliance tests."""
        return self._below("compliance")

    @property
    def system(self) -> Path:
        """Its system's description."""
        return self.submitter.folder / "systems" / f"{self.sut}.json"

    def _below(self, kind: str) -> Path:
        return self.submitter.folder / kind / self.sut / self.model / self.scenario


def submitters(root: Path, rules: Round) -> Iterator[Submitter]:
    """List the submitters of every division that the round knows."""
    for division in rules.submission.folders.divisions:
        for folder in subfolders(root / division):
            yield Submitter(division, folder)


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir())


def files(folder: Path) -> set[str]:
    """Name what stands in a folder; nothing where there is no such folder."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
