"""Where results lie: `<results>/<style>_results/<system>/<model>/<scenario>/`, as the 2023 scripts had it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PERFORMANCE_DIR = "performance/run_1"
ACCURACY_DIR = "accuracy"
PERFORMANCE_SESSION = "performance-session.json"
ACCURACY_SESSION = "accuracy-session.json"
ACCURACY_TEXT = "accuracy.txt"
_LOCK = ".lock"


class ResultsError(Exception):
    """The results' folder cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class ResultFolder:
    """The folder of one scenario of one model on one system."""

    root: Path

    @property
    def measurement(self) -> Path:
        """The measurement, once it has been taken in."""
        return self.root / "measurement.json"

    def logs(self, run: str) -> Path:
        """The folder of LoadGen's logs: `run` is performance, accuracy or find-performance."""
        return self.root / (PERFORMANCE_DIR if run == "performance" else run)

    def rejected(self, run: str) -> Path:
        """The folder of the logs of a run that LoadGen found wrong, kept to be read; hidden, since it is no result."""
        return self.root / f".rejected-{run}"

    def session(self, run: str) -> Path:
        """The description of the finished run."""
        return self.root / f"{run}-session.json"

    def error(self, run: str) -> Path:
        """Why a run gave no result, where that is kept."""
        return self.root / f"{run}-session.error.json"

    def complete(self, run: str) -> bool:
        """Whether the run is there and whole: the session is written last."""
        return self.session(run).is_file() and (self.logs(run) / "mlperf_log_summary.txt").is_file()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out of the folder; what was made for this alone is gone afterwards.

        Raises:
            ResultsError: another run is in it, or it cannot be written.
        """
        lock = self.root / _LOCK
        made = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = lock.open("w")
        except OSError as error:
            text = f"{self.root}: cannot be written ({error.strerror}); give a folder of yours by --results_dir"
            raise ResultsError(text) from error
        with handle:
            # Its last holder may have taken the file away.
            if not (locks.acquire(handle) and locks.is_at(handle, lock)):
                text = f"{self.root}: another run is measuring into it; wait for it or give another --results_dir"
                raise ResultsError(text)
            try:
                yield
            finally:
                self._let_go(made)

    def _let_go(self, made: Sequence[Path]) -> None:
        """Take the lock away where nothing else is in the folder, and the folders that were made for it."""
        with suppress(OSError):  # a folder that has been set aside, or that somebody else has written into
            if [path.name for path in self.root.iterdir()] == [_LOCK]:
                (self.root / _LOCK).unlink()
            for folder in made:
                folder.rmdir()

    def adopt(self, run: str, fresh: ResultFolder) -> None:
        """Put a complete run from `fresh` in the place of what was here."""
        self.error(run).unlink(missing_ok=True)
        self.session(run).unlink(missing_ok=True)  # from here to the last line the run counts as absent
        target = self.logs(run)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.logs(run).rename(target)
        fresh.session(run).rename(self.session(run))

    def set_aside(self) -> Path | None:
        """Move what is here to a sibling with the time in its name; give its path."""
        if not self.root.is_dir() or not any(path.name != _LOCK for path in self.root.iterdir()):
            return None
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
        aside = self.root.parent / f".{self.root.name}-until-{stamp}"
        self.root.rename(aside)
        return aside


def result_folder(results: Path, style: str, system: str, model: str, scenario: str) -> ResultFolder:
    """Give the folder of a result; scenarios are in lower case, as the submission has them."""
    return ResultFolder(results / f"{style}_results" / system / model / scenario.lower())


def json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is none that can be read."""
    try:
        return read_object(path)
    except DocumentError:
        return {}


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object, such as the files of a submission's tree are.

    Raises:
        DocumentError: there is none that can be read.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise DocumentError(path, "", "is not a JSON object")
    return document


def is_sample(path: Path) -> bool:
    """Whether a JSON among a result's measurement files marks it as a sample."""
    return json_object(path).get("sample") is True
