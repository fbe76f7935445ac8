"""The layout of results, that of the 2023 scripts: `<results>/<style>_results/<system>/<model>/<scenario>/`."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlperf_home.rules import DEFAULT_ROUND
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
    """The folder of results cannot be used; the text has the reason and the advice."""


@dataclass(frozen=True)
class ResultFolder:
    """The folder of one scenario of one model on one system."""

    root: Path

    @property
    def measurement(self) -> Path:
        """The file of the measurement."""
        return self.root / "measurement.json"

    def logs(self, run: str) -> Path:
        """Return the folder of LoadGen's logs of a run: performance, accuracy or find-performance."""
        return self.root / (PERFORMANCE_DIR if run == "performance" else run)

    def rejected(self, run: str) -> Path:
        """Return the folder of the logs of a run that LoadGen rejected; hidden, since it is no result."""
        return self.root / f".rejected-{run}"

    def session(self, run: str) -> Path:
        """Return the session's file of a finished run."""
        return self.root / f"{run}-session.json"

    def error(self, run: str) -> Path:
        """Return the file of the error of a run without a result."""
        return self.root / f"{run}-session.error.json"

    def complete(self, run: str) -> bool:
        """Whether the run is complete: its session is written last."""
        return self.session(run).is_file() and (self.logs(run) / "mlperf_log_summary.txt").is_file()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder against other runs; if it stays empty, remove it and the folders made for it.

        Raises:
            ResultsError: another run holds the lock, or the folder cannot be written.
        """
        lock = self.root / _LOCK
        created = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = lock.open("w")
        except OSError as error:
            text = f"{self.root}: cannot be written ({error.strerror}); use a --results_dir that you can write to"
            raise ResultsError(text) from error
        with handle:
            # The last holder may have removed the file.
            if not (locks.acquire(handle) and locks.is_at(handle, lock)):
                text = f"{self.root}: another run is measuring into it; wait for that run, or use another --results_dir"
                raise ResultsError(text)
            try:
                yield
            finally:
                self._remove_lock(created)

    def _remove_lock(self, created: Sequence[Path]) -> None:
        """Remove the lock if the folder holds nothing else, and the created folders if they are empty."""
        with suppress(OSError):  # the folder was set aside, or another process has written into it
            if [path.name for path in self.root.iterdir()] == [_LOCK]:
                (self.root / _LOCK).unlink()
            for folder in created:
                folder.rmdir()

    def adopt(self, run: str, fresh: ResultFolder) -> None:
        """Replace a run by a complete one from `fresh`."""
        self.error(run).unlink(missing_ok=True)
        self.session(run).unlink(missing_ok=True)  # the run counts as absent until the last line
        target = self.logs(run)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.logs(run).rename(target)
        fresh.session(run).rename(self.session(run))

    def set_aside(self) -> Path | None:
        """Move the results to a sibling folder with the time in its name; return its path, or None without results."""
        if not self.root.is_dir() or not any(path.name != _LOCK for path in self.root.iterdir()):
            return None
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
        aside = self.root.parent / f".{self.root.name}-until-{stamp}"
        self.root.rename(aside)
        return aside


def style_folder(style: str, round_name: str) -> str:
    """Return the name of the folder of all results of a style; rounds besides v3.1 have folders of their own."""
    return f"{style}_results" if round_name == DEFAULT_ROUND else f"{style}-{round_name}_results"


def style_of(folder: str) -> str:
    """Return the style in a folder's name."""
    return folder.removesuffix("_results").partition("-")[0]


def result_folder(results: Path, style: str, round_name: str, place: tuple[str, str, str]) -> ResultFolder:
    """Return the folder of a result; `place` has the names of system, model and scenario.

    The scenario is in lower case, as in a submission to v3.1.
    """
    system, model, scenario = place
    return ResultFolder(results / style_folder(style, round_name) / system / model / scenario.lower())


def json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; return an empty one if it cannot be read."""
    try:
        return read_object(path)
    except DocumentError:
        return {}


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DocumentError: the file cannot be read, or holds no JSON object.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise DocumentError(path, "", "is not a JSON object")
    return document


def is_sample(path: Path) -> bool:
    """Whether a JSON file among the measurement files marks the result as a sample."""
    return json_object(path).get("sample") is True
