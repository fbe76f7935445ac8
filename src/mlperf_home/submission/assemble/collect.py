"""Which results a folder holds: ours, with their measurements, and other tools', when their logs are whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.session import IngestError, sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog, scan_detail
from mlperf_home.measurements.ingest import ACCURACY_SESSION, PERFORMANCE_SESSION, ingest
from mlperf_home.measurements.measurement import Measurement, MeasurementError, from_json
from mlperf_home.submission.check.tree.scenarios import scenario_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STYLE = "_results"
# Runs of these styles are too short to be submitted, whatever they say.
_SHORT_STYLES = ("test", "fast")
_LEVELS = 3
_RUN_FOLDERS = {"performance", "accuracy"}


class AssembleError(LocatedError):
    """A submission cannot be made of what is there."""


@dataclass(frozen=True)
class FoundResult:
    """One result.

    Attributes:
        folder: where its runs are.
        sut, model: as its folders are called.
        scenario: the scenario's name.
        measurement: what it was measured with, or None where another tool measured it.
    """

    folder: Path
    sut: str
    model: str
    scenario: str
    measurement: Measurement | None

    @property
    def performance(self) -> Path:
        """The folder of the performance run's logs."""
        return self.folder / "performance" / "run_1"

    @property
    def accuracy(self) -> Path:
        """The folder of the accuracy run's logs."""
        return self.folder / "accuracy"

    @property
    def sample(self) -> bool:
        """Whether it is known to be of sample data."""
        return self.measurement is not None and self.measurement.sample

    def detail(self) -> DetailLog:
        """Read the detail log of its performance run, or of its accuracy run where there is no other."""
        folder = self.performance if (self.performance / DETAIL_FILE).is_file() else self.accuracy
        return scan_detail(folder / DETAIL_FILE)


@dataclass(frozen=True)
class Skipped:
    """A folder that was not taken, and why, in words."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        """Give it as one line."""
        return f"{self.folder}: not taken: {self.reason}"


def find_results(results_dir: Path, *, allow_sample: bool = False) -> tuple[list[FoundResult], list[Skipped]]:
    """Find the results below a folder: `[<style>_results/]<system>/<model>/<scenario>/{performance,accuracy}`.

    Args:
        results_dir: the folder.
        allow_sample: whether results of sample data are taken.

    Raises:
        AssembleError: it is no folder, holds nothing to submit, holds two results for one scenario, or a result's
            logs are not those it was measured with.
    """
    if not results_dir.is_dir():
        raise AssembleError(results_dir, "is no folder", "give the folder of results by --results_dir")
    found: list[FoundResult] = []
    skipped: list[Skipped] = []
    for folder in _result_folders(results_dir):
        taken = _result(results_dir, folder, allow_sample=allow_sample)
        if isinstance(taken, Skipped):
            skipped.append(taken)
        else:
            found.append(taken)
    _check_single(found)
    if not found:
        raise AssembleError(results_dir, _nothing(skipped), "run a benchmark with --execution_mode=valid first")
    return found, skipped


def _nothing(skipped: Iterable[Skipped]) -> str:
    reasons = sorted({each.reason for each in skipped})
    return f"holds no result to submit ({'; '.join(reasons)})" if reasons else "holds no results"


def _result_folders(results_dir: Path) -> Iterator[Path]:
    for name, subfolders, _ in os.walk(results_dir):
        # Hidden folders hold what was set aside or is being made.
        subfolders[:] = sorted(each for each in subfolders if not each.startswith("."))
        if _RUN_FOLDERS & set(subfolders):
            subfolders.clear()
            yield Path(name)


def _result(results_dir: Path, folder: Path, *, allow_sample: bool) -> FoundResult | Skipped:
    parts = folder.absolute().parts
    inside = len(folder.relative_to(results_dir).parts)
    scenario = scenario_named(folder.name)
    if scenario is None:
        return Skipped(folder, f"{folder.name} is no scenario's name")
    if inside < _LEVELS:
        problem = "holds a result itself, or a model's"
        raise AssembleError(results_dir, problem, "give the folder above <system>/<model>/<scenario>")
    style = next((part.removesuffix(_STYLE) for part in reversed(parts[:-_LEVELS]) if part.endswith(_STYLE)), None)
    if style in _SHORT_STYLES:
        return Skipped(folder, f"{style} runs are too short to be submitted")
    measurement = _measurement(folder)
    if measurement is not None and measurement.sample and not allow_sample:
        return Skipped(folder, "it is a sample, no MLPerf result; --allow_sample makes a tree for trying")
    result = FoundResult(folder, parts[-3], parts[-2], scenario, measurement)
    if not (result.performance / DETAIL_FILE).is_file() and not (result.accuracy / DETAIL_FILE).is_file():
        return Skipped(folder, "its runs did not come to their end")
    return result


def _measurement(folder: Path) -> Measurement | None:
    path = folder / "measurement.json"
    try:
        if path.is_file():
            measurement = from_json(path.read_text("utf-8"), str(path))
            _check_hashes(folder, measurement)
            return measurement
        if any((folder / name).is_file() for name in (PERFORMANCE_SESSION, ACCURACY_SESSION)):
            return ingest(folder, model_name=folder.parent.name)
    except (IngestError, MeasurementError) as error:
        raise AssembleError(error.where, error.problem, error.advice) from None
    return None


def _check_hashes(folder: Path, measurement: Measurement) -> None:
    for name, kept in measurement.logs.items():
        path = folder / name
        try:
            found = sha256_of(path)
        except OSError as error:
            raise AssembleError(path, f"cannot be read ({error.strerror})", "run the benchmark again") from None
        if found != kept["sha256"]:
            problem = "is not the log that was measured with: changed, truncated, or of another run"
            raise AssembleError(path, problem, "put it back, or run the benchmark again")


def _check_single(found: Iterable[FoundResult]) -> None:
    seen: dict[tuple[str, str, str], Path] = {}
    for result in found:
        key = (result.sut, result.model, result.scenario)
        if key in seen:
            problem = f"is a second result of {result.model}, {result.scenario}, beside {seen[key]}"
            raise AssembleError(result.folder, problem, "move one of the two away")
        seen[key] = result.folder
