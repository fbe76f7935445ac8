"""The request for a submission, and its results: our own, with measurements, and other tools' complete logs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.runs.session import IngestError, sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog, scan_detail
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.layout import (
    ACCURACY_DIR,
    ACCURACY_SESSION,
    PERFORMANCE_DIR,
    PERFORMANCE_SESSION,
    read_object,
    style_of,
)
from mlperf_home.measurements.measurement import Measurement, MeasurementError, read_measurement
from mlperf_home.rules import round_of_seed
from mlperf_home.submission.check.structure import scenario_named
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlperf_home.rules import Round

_STYLE = "_results"
# Runs of these styles are too short for a submission, even if LoadGen calls them VALID.
SHORT_STYLES = ("test", "fast")
_LEVELS = 3
_PROCESSOR = "host_processor_model_name"


class AssembleError(LocatedError):
    """A submission cannot be generated from the results."""


@dataclass(frozen=True)
class FoundResult:
    """One result.

    Attributes:
        folder: the folder of its runs.
        sut, model: the names of its folders.
        scenario: the scenario's name.
        measurement: its measurement, or None if another tool measured it.
    """

    folder: Path
    sut: str
    model: str
    scenario: str
    measurement: Measurement | None

    @property
    def performance(self) -> Path:
        """The folder of the performance run's logs."""
        return self.folder / PERFORMANCE_DIR

    @property
    def accuracy(self) -> Path:
        """The folder of the accuracy run's logs."""
        return self.folder / ACCURACY_DIR

    @property
    def sample(self) -> bool:
        """Whether it is known to be a sample."""
        return self.measurement is not None and self.measurement.sample

    def detail(self) -> DetailLog:
        """Read the detail log of its performance run, or of its accuracy run if there is no other."""
        folder = self.performance if (self.performance / DETAIL_FILE).is_file() else self.accuracy
        return scan_detail(folder / DETAIL_FILE)


@dataclass(frozen=True)
class SubmissionRequest:
    """A request for a submission.

    Attributes:
        results_dir: the folder of results; never changed.
        submission_dir: the submission's root.
        submitter, division: the names of its folders.
        rules: the round's rules.
        describe: returns a system's description for a system's name and a framework.
        accept: called with every result before any file is written; raises AssembleError to reject one.
        clean: whether to empty the submitter's folder first; results are added to it otherwise.
        allow_sample: whether to include samples, for tests.
        infer: whether to infer the scenarios that the category requires, if the round allows it.
        truncate: whether to truncate accuracy logs.
        model_benchmarks: benchmarks of models whose names do not show them.
        user_fields: the user's values for fields of the results' JSON that are otherwise unknown.
    """

    results_dir: Path
    submission_dir: Path
    submitter: str
    division: str
    rules: Round
    describe: Callable[[str, str], Mapping[str, str]]
    accept: Callable[[FoundResult], None] = lambda _: None
    clean: bool = False
    allow_sample: bool = False
    infer: bool = False
    truncate: bool = True
    model_benchmarks: Mapping[str, str] = field(default_factory=dict)
    user_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """A folder that is left out, with the reason."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.folder}: left out: {self.reason}"


def find_results(
    results_dir: Path, rules: Round | None = None, *, allow_sample: bool = False
) -> tuple[list[FoundResult], list[Skipped]]:
    """Find the results below a folder: `[<style>_results/]<system>/<model>/<scenario>/{performance,accuracy}`.

    Those that were measured with another round's seeds than those of `rules` are left out.

    Raises:
        AssembleError: the path is not a folder, holds no result to submit or two results of one scenario, or a
            result's logs differ from those of its measurement.
    """
    if not results_dir.is_dir():
        raise AssembleError(results_dir, "is not a folder", "pass the folder of results by --results_dir")
    found = [_result(results_dir, folder, allow_sample=allow_sample) for folder in _result_folders(results_dir)]
    every = found if rules is None else [_of_round(each, rules) for each in found]
    results = [each for each in every if isinstance(each, FoundResult)]
    skipped = [each for each in every if isinstance(each, Skipped)]
    seen: dict[tuple[str, str, str], Path] = {}
    for result in results:
        before = seen.setdefault((result.sut, result.model, result.scenario), result.folder)
        if before != result.folder:
            problem = f"is a second result of {result.model}, {result.scenario}, beside {before}"
            raise AssembleError(result.folder, problem, "move one of them to another folder")
    if not results:
        reasons = "; ".join(sorted({each.reason for each in skipped}))
        problem = f"holds no result to submit ({reasons})" if reasons else "holds no results"
        raise AssembleError(results_dir, problem, "run a benchmark with --execution_mode=valid first")
    return results, skipped


def _of_round(found: FoundResult | Skipped, rules: Round) -> FoundResult | Skipped:
    """Return a result of this round, or why it is none: seeds cannot be changed after a run."""
    if isinstance(found, Skipped):
        return found
    if found.measurement is not None:
        other = "" if found.measurement.round == rules.name else found.measurement.round
    else:
        seed = found.detail().settings.get("qsl_rng_seed")
        other = "" if seed in {None, rules.seeds.qsl_rng_seed} else round_of_seed(seed) or "no known round"
    reason = f"it was measured with the seeds of {other}: measure it again with --round={rules.name}"
    return Skipped(found.folder, reason) if other else found


def require_same_processor(result: FoundResult, described: Mapping[str, str], own: Path | None) -> None:
    """Raise AssembleError if a result has another processor than the description, unless the user wrote that."""
    if own is not None or result.measurement is None or _PROCESSOR not in result.measurement.system:
        return
    measured = result.measurement.system[_PROCESSOR].value
    if measured is not None and measured != described.get(_PROCESSOR):
        problem = f"was measured on {measured}, but this machine has {described.get(_PROCESSOR)}"
        advice = "generate the submission on that machine, or describe it by --system_file"
        raise AssembleError(result.folder, problem, advice)


def _result_folders(results_dir: Path) -> Iterator[Path]:
    for name, subfolders, _ in os.walk(results_dir):
        # Hidden folders hold old and unfinished results.
        subfolders[:] = sorted(each for each in subfolders if not each.startswith("."))
        if {"performance", "accuracy"}.intersection(subfolders):
            subfolders.clear()
            yield Path(name)


def _result(results_dir: Path, folder: Path, *, allow_sample: bool) -> FoundResult | Skipped:
    parts, scenario = folder.absolute().parts, scenario_named(folder.name)
    if scenario is None:
        return Skipped(folder, f"{folder.name} is not the name of a scenario")
    if len(folder.relative_to(results_dir).parts) < _LEVELS:
        problem = "is the folder of one result or one model"
        raise AssembleError(results_dir, problem, "pass the folder above <system>/<model>/<scenario>")
    style = next((style_of(part) for part in reversed(parts[:-_LEVELS]) if part.endswith(_STYLE)), None)
    if style in SHORT_STYLES:
        return Skipped(folder, f"{style} runs are too short for a submission")
    measurement = _measurement(folder)
    if measurement is not None and measurement.sample and not allow_sample:
        return Skipped(folder, "it is a sample, not an MLPerf result; to test the generation, add --allow_sample")
    result = FoundResult(folder, parts[-3], parts[-2], scenario, measurement)
    if not (result.performance / DETAIL_FILE).is_file() and not (result.accuracy / DETAIL_FILE).is_file():
        return Skipped(folder, "its runs are incomplete")
    return result


def read_existing(path: Path) -> dict[str, Any]:
    """Read a JSON object of the existing submission; raise AssembleError if the file holds none."""
    try:
        return read_object(path)
    except DocumentError as error:
        advice = "correct it, or delete it and generate the submission again"
        raise AssembleError(path, error.problem, advice) from None


def _measurement(folder: Path) -> Measurement | None:
    path = folder / "measurement.json"
    try:
        if not path.is_file():
            sessions = (folder / name for name in (PERFORMANCE_SESSION, ACCURACY_SESSION))
            return ingest(folder, model_name=folder.parent.name) if any(each.is_file() for each in sessions) else None
        measurement = read_measurement(path)
    except (IngestError, MeasurementError) as error:
        raise AssembleError(error.where, error.problem, error.advice) from None
    for name, log in measurement.logs.items():
        path = folder / name
        try:
            sha256 = sha256_of(path)
        except OSError as error:
            raise AssembleError(path, f"cannot be read ({error.strerror})", "run the benchmark again") from None
        if sha256 != log["sha256"]:
            problem = "is not the log of the measurement: it was changed or truncated, or is of another run"
            raise AssembleError(path, problem, "put the original log back, or run the benchmark again")
    return measurement
