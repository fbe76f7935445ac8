"""Experiments: measurements that belong together, in a folder with a name, tags and an origin.

<root>/<name>/
   experiment.json          the description; written once
   measurements.jsonl       a store (mlperf_home.measurements.storage.store)
   journal.jsonl            the observations of an exploration, or the ends of a grid's trials
   answer.json              the answer of an exploration
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import encode, read_document
from mlperf_home.contracts.studies.answer import read_answer
from mlperf_home.contracts.studies.experiment import EXPERIMENT_LIMITS, ExperimentDescription
from mlperf_home.errors import LocatedError
from mlperf_home.measurements.storage.store import LINES_FILE, Store
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_text, sync_folder
from scriptgraph.files.reported import not_yet_reported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlperf_home.contracts.studies.answer import AnswerDocument

KINDS = ("grid", "exploration", "import")
"""A command run with many values, a study of a space, measurements from elsewhere."""

_FILE, _JOURNAL = "experiment.json", "journal.jsonl"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ExperimentError(LocatedError):
    """There is no such experiment, or its folder cannot be used."""


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: unique in the root; also the name of the folder.
        kind: one of KINDS.
        sample: whether it was made with sample data: no MLPerf results.
        made_by: the origin as JSON; see `ExperimentDescription`.
        created: the time of creation in UTC, ISO 8601.
    """

    name: str
    kind: str
    tags: tuple[str, ...]
    sample: bool
    made_by: Mapping[str, Any]
    created: str
    folder: Path

    @property
    def description(self) -> Path:
        """The file of the description."""
        return self.folder / _FILE

    @property
    def store(self) -> Store:
        """The measurements of the experiment."""
        return Store(self.folder)

    @property
    def journal(self) -> Path:
        """The file of observations, from which the experiment resumes."""
        return self.folder / _JOURNAL

    @property
    def answer(self) -> Path:
        """The file of an exploration's answer; it exists once there is an answer."""
        return self.folder / "answer.json"

    def read_answer(self) -> AnswerDocument | None:
        """Return the answer of an exploration; None before its first round, and for other experiments.

        Raises:
            ExperimentError: it cannot be read.
        """
        if not self.answer.is_file():
            return None
        try:
            return read_answer(self.answer)
        except DocumentError as error:
            advice = "run the exploration again; its journal is kept"
            raise ExperimentError(self.answer, f"is not an answer ({error.fault})", advice) from None


@dataclass(frozen=True)
class Experiments:
    """All experiments in one root folder, which the first one creates; safe for concurrent processes."""

    root: Path

    def begin(
        self, name: str, kind: str, tags: Iterable[str], made_by: object, *, sample: bool, append: bool = False
    ) -> Experiment:
        """Create an experiment, or resume the one of that name if its origin is the same.

        With `append`, one of the same kind may have another origin.

        Raises:
            ExperimentError: the name or a tag is invalid, an experiment of that name has another origin, or the root
                is not writable.
            ValueError: `kind` is not one of KINDS.
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        _check_names(name, tags := tuple(tags))
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        description = ExperimentDescription(
            name=name, kind=kind, tags=tags, sample=sample, made_by=encode(made_by), created=created
        )
        try:
            self._publish(description)
        except OSError as error:
            advice = "choose another folder with --experiments_dir"
            raise ExperimentError(self.root, f"cannot be written ({error.strerror})", advice) from None
        experiment = self.load(name)
        origin = experiment.made_by if append else description.made_by
        if (experiment.kind, experiment.made_by, experiment.sample) != (kind, origin, sample):
            advice = f"use another name (--experiment_name of a script), or remove it with cm rm experiment {name}"
            raise ExperimentError(experiment.folder, "is an experiment of another command or study", advice)
        return experiment

    def load(self, name: str) -> Experiment:
        """Return an experiment by name. Raise ExperimentError if there is none, or its file is damaged."""
        _check_names(name)
        path = self.root / name / _FILE
        try:
            read = read_document(path, ExperimentDescription, EXPERIMENT_LIMITS)
        except DocumentError as error:
            if not path.exists():
                known = ", ".join(each.name for each in self.find(())) or "none yet"
                raise ExperimentError(self.root, f"there is no experiment {name!r}", f"there are: {known}") from None
            advice = "the measurements beside it are intact; import them into another experiment"
            raise ExperimentError(path, f"is damaged ({error.fault})", advice) from None
        return Experiment(read.name, read.kind, read.tags, read.sample, read.made_by, read.created, folder=path.parent)

    def find(self, tags: Iterable[str], damages: list[str] | None = None) -> list[Experiment]:
        """Return the experiments that have all these tags, the oldest first; `damages` takes errors of the others."""
        required, found = set(tags), []
        for path in sorted(self.root.glob(f"[!.]*/{_FILE}")) if self.root.is_dir() else []:
            try:
                experiment = self.load(path.parent.name)
            except ExperimentError as error:
                if damages is not None:
                    damages.append(str(error))
                continue
            if required <= {*experiment.tags, experiment.kind}:
                found.append(experiment)
        return sorted(found, key=lambda each: (each.created, each.name))

    def not_yet_reported(self, damages: Iterable[str]) -> list[str]:
        """Return the damages of these experiments that no earlier call has returned."""
        return not_yet_reported(self.root / "experiments", damages)

    def require(self, name: str) -> Path:
        """Return the folder of an experiment, even of a damaged one. Raise ExperimentError if there is none."""
        _check_names(name)
        folder = self.root / name
        if not (folder / _FILE).exists():
            self.load(name)  # raises an error with the existing names
        return folder

    def remove(self, name: str) -> None:
        """Remove an experiment with its measurements, even a damaged one. Its name disappears in one step.

        Raises:
            ExperimentError: there is no such experiment, a run uses it, or it cannot be removed.
        """
        folder = self.require(name)
        try:
            with ExitStack() as held:
                # Processes that write these files hold their locks; these are held until the name has disappeared.
                for path in filter(Path.is_file, (folder / _JOURNAL, folder / LINES_FILE)):
                    if not locks.acquire(held.enter_context(path.open("rb"))):
                        problem = "is in use by a run, and was not removed"
                        raise ExperimentError(folder, problem, "try again after the run has ended")
                doomed = Path(tempfile.mkdtemp(prefix=".removed-", dir=self.root))
                folder.replace(doomed / "experiment")
            shutil.rmtree(doomed)
        except OSError as error:
            advice = "correct its permissions"
            raise ExperimentError(folder, f"cannot be removed ({error.strerror})", advice) from None

    def _publish(self, description: ExperimentDescription) -> None:
        """Create an experiment's folder in one step, unless the name is taken."""
        folder = self.root / description.name
        if (folder / _FILE).is_file():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        text = json.dumps(encode(description), indent=1, sort_keys=True, ensure_ascii=False)
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


def _check_names(name: str, tags: Iterable[str] = ()) -> None:
    for word, pattern in ((name, _NAME), *((tag, _TAG) for tag in tags)):
        if not pattern.fullmatch(word):
            raise ExperimentError("experiment", f"{word!r} is not a name", "use letters, digits, '.', '_' and '-'")
