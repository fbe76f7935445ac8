"""The stored results of a folder: found, selected, and removed; nothing outside the folder is touched."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.imports.naming import with_one_name
from mlperf_home.measurements.layout import ResultFolder, ResultsError
from mlperf_home.measurements.measurement import MeasurementError, read_measurement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.measurements.measurement import Measurement, Value

FILE = "measurement.json"


class StoredResultError(LocatedError):
    """There is no such result, or it cannot be removed."""


@dataclass(frozen=True)
class StoredResult:
    """One result.

    Attributes:
        name: its folder, relative to the folder of results.
        measurement: with the one name of its model.
        model: the model's name as the run has it, which other commands take too.
    """

    name: str
    measurement: Measurement
    model: str

    def text(self, group: str, name: str) -> str:
        """Return a value of the measurement as text; "" if it is unknown."""
        value: Value | None = getattr(self.measurement, group).get(name)
        return "" if value is None or value.value is None else str(value.value)

    @property
    def model_name(self) -> str:
        """The model's one name."""
        return self.text("model", "name") or "unknown model"

    @property
    def system(self) -> str:
        """The system's name in results."""
        return self.text("system", "name") or "unknown system"

    @property
    def engine(self) -> str:
        """The engine with its version."""
        return " ".join(filter(None, (self.text("engine", "name"), self.text("engine", "version"))))


def find_results(root: Path, damages: list[str]) -> list[StoredResult]:
    """Return the results below a folder, sorted by name; `damages` takes a sentence for each damaged file.

    Hidden folders have no results; links to folders are not followed.
    """
    found = []
    for path in sorted(root.rglob(FILE)):
        parent = path.parent.relative_to(root)
        if any(part.startswith(".") for part in parent.parts):
            continue
        try:
            measurement = read_measurement(path)
        except MeasurementError as error:
            damages.append(str(error))
            continue
        name = measurement.model.get("name")
        model = "" if name is None or name.value is None else str(name.value)
        found.append(StoredResult(parent.as_posix(), with_one_name(measurement), model))
    return found


@dataclass(frozen=True)
class Selection:
    """Conditions on results; empty ones hold. Names may have wildcards, and their case does not matter."""

    name: str = ""
    benchmark: str = ""
    model: str = ""
    scenario: str = ""
    system: str = ""
    valid: bool = False

    @property
    def words(self) -> str:
        """The conditions as options, for messages."""
        named = [f"--{key}={value}" for key, value in vars(self).items() if isinstance(value, str) and value]
        return " ".join([*named, *(["--valid"] if self.valid else [])])

    def of(self, results: Iterable[StoredResult]) -> list[StoredResult]:
        """Return the results for which all conditions hold."""
        return [each for each in results if self._holds(each)]

    def _holds(self, result: StoredResult) -> bool:
        found = result.measurement
        pairs = (
            (self.name, (result.name,)),
            (self.benchmark, (found.benchmark,)),
            (self.model, (result.model_name, result.model)),
            (self.scenario, (found.scenario,)),
            (self.system, (result.system, result.text("system", "host_processor_model_name"))),
        )
        matching = all(not pattern or any(_matches(text, pattern) for text in texts) for pattern, texts in pairs)
        return matching and (not self.valid or found.validity == "VALID")


def _matches(text: str, pattern: str) -> bool:
    return text.lower() == pattern.lower() or fnmatchcase(text.lower(), pattern.lower())


def remove_result(root: Path, name: str) -> None:
    """Remove a result's folder; its name disappears in one step.

    Raises:
        StoredResultError: it is no result of this folder, a run uses it, or it cannot be removed.
    """
    folder = require_result(root, name)
    try:
        with ResultFolder(folder).held():
            doomed = Path(tempfile.mkdtemp(prefix=".removed-", dir=root))
            folder.replace(doomed / "result")
        shutil.rmtree(doomed)
    except ResultsError as error:
        raise StoredResultError(folder, "is in use by a run, and was not removed", "try again later") from error
    except OSError as error:
        raise StoredResultError(folder, f"cannot be removed ({error.strerror})", "correct its permissions") from None
    for parent in folder.parents:  # empty folders of the model and the system
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()


def require_result(root: Path, name: str) -> Path:
    """Return the folder of a result, even of a damaged one. Raise StoredResultError if it is none of this folder."""
    folder = root / name
    real, inside = folder.resolve(), root.resolve()
    if Path(name).is_absolute() or ".." in Path(name).parts or real != inside / name or real == inside:
        raise StoredResultError(name, f"is no folder in {root}", "use a name from cm find result")
    if not (folder / FILE).is_file():
        raise StoredResultError(folder, f"has no {FILE}", "use a name from cm find result")
    return folder
