"""Experiments: measurements that belong together, in a folder with a name, tags and a word on what made them.

<root>/<name>/
   experiment.json          what it is; written once
   measurements.jsonl       a store (mlperf_home.measurements.store)
   journal.jsonl            an exploration's observations, or a grid's ended points
   answer.json              an exploration's answer
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import encode, read_document
from mlperf_home.contracts.experiment import EXPERIMENT_LIMITS, ExperimentDescription
from mlperf_home.errors import LocatedError
from mlperf_home.measurements.store import Store
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_text, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KINDS = ("grid", "exploration", "import")
"""A command run with many values, a study of a space, and what was measured elsewhere."""

_FILE = "experiment.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ExperimentError(LocatedError):
    """There is no such experiment, or its folder cannot be used."""


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: unique in its root, and the folder's name.
        kind: one of KINDS.
        sample: whether it was made with sample data: no MLPerf results.
        made_by: what made it, as JSON; see `ExperimentDescription`.
        created: when, in UTC, ISO 8601.
    """

    name: str
    kind: str
    tags: tuple[str, ...]
    sample: bool
    made_by: Mapping[str, Any]
    created: str
    folder: Path

    @property
    def store(self) -> Store:
        """Its measurements."""
        return Store(self.folder)

    @property
    def journal(self) -> Path:
        """Where what was observed is kept, so that it can go on."""
        return self.folder / "journal.jsonl"

    @property
    def answer(self) -> Path:
        """An exploration's answer; the file is there when there is one."""
        return self.folder / "answer.json"


@dataclass(frozen=True)
class Experiments:
    """All experiments below one folder, made with the first; many processes may use it at once."""

    root: Path

    def begin(self, name: str, kind: str, tags: Iterable[str], made_by: object, *, sample: bool) -> Experiment:
        """Make an experiment, or go on with the one of that name if it was made by the same.

        Raises:
            ExperimentError: the name or a tag is none, the name is another experiment's, or nothing can be written.
            ValueError: `kind` is none of KINDS.
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        _check_words(name, tags := tuple(tags))
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        described = ExperimentDescription(
            name=name, kind=kind, tags=tags, sample=sample, made_by=encode(made_by), created=created
        )
        try:
            self._publish(described)
        except OSError as error:
            advice = "give a folder of yours by --experiments_dir"
            raise ExperimentError(self.root, f"cannot be written ({error.strerror})", advice) from None
        found = self.load(name)
        if (found.kind, found.made_by, found.sample) != (kind, described.made_by, sample):
            advice = f"give another name (--experiment_name of a script), or remove it by cm rm experiment {name}"
            raise ExperimentError(found.folder, "is an experiment that was made by something else", advice)
        return found

    def load(self, name: str) -> Experiment:
        """Return the experiment of a name. Raise ExperimentError if there is none, or its file is damaged."""
        _check_words(name)
        path = self.root / name / _FILE
        try:
            found = read_document(path, ExperimentDescription, EXPERIMENT_LIMITS)
        except DocumentError as error:
            if not path.exists():
                known = ", ".join(each.name for each in self.find(())) or "none yet"
                raise ExperimentError(self.root, f"there is no experiment {name!r}", f"there are: {known}") from None
            advice = "the measurements beside it are whole; import them into another experiment"
            raise ExperimentError(path, f"is damaged ({error.fault})", advice) from None
        return Experiment(
            found.name, found.kind, found.tags, found.sample, found.made_by, found.created, folder=path.parent
        )

    def find(self, tags: Iterable[str], damages: list[str] | None = None) -> list[Experiment]:
        """Return those that have all these tags, the oldest first; damaged ones are named in `damages`."""
        wanted, found = set(tags), []
        for path in sorted(self.root.glob(f"[!.]*/{_FILE}")) if self.root.is_dir() else []:
            try:
                experiment = self.load(path.parent.name)
            except ExperimentError as error:
                if damages is not None:
                    damages.append(str(error))
                continue
            if wanted <= {*experiment.tags, experiment.kind}:
                found.append(experiment)
        return sorted(found, key=lambda each: (each.created, each.name))

    def require(self, name: str) -> Path:
        """Return the folder of an experiment, a damaged one too. Raise ExperimentError if there is none."""
        _check_words(name)
        folder = self.root / name
        if not (folder / _FILE).exists():
            self.load(name)  # which says what there is
        return folder

    def remove(self, name: str) -> None:
        """Remove an experiment, a damaged one too, measurements and all; half of one is never left under its name.

        Raise ExperimentError if there is none, a run goes on in it, or it cannot be removed.
        """
        folder = self.require(name)
        journal = folder / "journal.jsonl"
        try:
            if journal.is_file():
                with journal.open("rb") as file:
                    # What writes the journal holds its lock.
                    if not locks.acquire(file):
                        problem = "is in use by a run, and was not removed"
                        raise ExperimentError(folder, problem, "try again when it has ended")
            doomed = Path(tempfile.mkdtemp(prefix=".removed-", dir=self.root))
            folder.replace(doomed / "experiment")
            shutil.rmtree(doomed)
        except OSError as error:
            raise ExperimentError(folder, f"cannot be removed ({error.strerror})", "see to its permissions") from None

    def _publish(self, described: ExperimentDescription) -> None:
        """Rename a whole folder to its name, unless the name is taken."""
        folder = self.root / described.name
        if (folder / _FILE).is_file():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        text = json.dumps(encode(described), indent=1, sort_keys=True, ensure_ascii=False)
        try:
            replace_text(new / _FILE, f"{text}\n")
            new.chmod(0o755)
            new.rename(folder)
        except OSError:
            if not (folder / _FILE).is_file():  # another process was faster
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
        sync_folder(self.root)


def _check_words(name: str, tags: Iterable[str] = ()) -> None:
    for word, pattern in ((name, _NAME), *((tag, _TAG) for tag in tags)):
        if not pattern.fullmatch(word):
            raise ExperimentError("experiment", f"{word!r} is no name", "use letters, digits, '.', '_' and '-'")
