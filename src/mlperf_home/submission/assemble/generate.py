"""Make a submission: beside its place first, then into it by one rename; and infer scenarios.

What was in the submitter's folder before is linked into the new one, and what is new replaces links, never the
content of a file; so whoever kills this leaves the old folder or the new one, and the next run makes the same.

A scenario is inferred by a copy of a measured scenario's run, marked as such, never over a measured result.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog, scan_detail
from mlperf_home.measurements.layout import PERFORMANCE_DIR, json_object
from mlperf_home.submission.assemble.collect import (
    AssembleError,
    FoundResult,
    Skipped,
    SubmissionRequest,
    find_results,
    read_existing,
)
from mlperf_home.submission.assemble.documents import (
    SAMPLE_NOTICE,
    framework,
    mark_as_inferred,
    write_documents,
    write_measurement_files,
    write_new_file,
)
from mlperf_home.submission.assemble.logs import write_compliance, write_logs
from mlperf_home.submission.assemble.prerequisites import nested
from mlperf_home.submission.check.documents import system_categories
from mlperf_home.submission.check.places import Submitter, lock_submission, subfolders, submitters
from mlperf_home.submission.check.structure import scenario_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.rules import Round

_PARTIAL = ".mlperf-home-partial"
_OLD = "old"
_OTHER_TOOL = "unknown: measured by another tool"


@dataclass(frozen=True)
class Inferred:
    """One copy that was made."""

    sut: str
    model: str
    measured: str
    scenario: str


@dataclass(frozen=True)
class Assembled:
    """What a submission was made of.

    Attributes:
        folder: the submitter's folder.
        results: the results taken.
        skipped: the folders that were not taken, with the reason.
        inferred: the scenarios that were inferred.
    """

    folder: Path
    results: tuple[FoundResult, ...]
    skipped: tuple[Skipped, ...]
    inferred: tuple[Inferred, ...]


def generate(request: SubmissionRequest) -> Assembled:
    """Make the submission.

    Raises:
        AssembleError: nothing can be made of the results, they lie in the submission or it in them, the folder cannot
            be written, or another process is making a submission there.
    """
    if nested(request.results_dir, request.submission_dir):
        problem = f"lies in {request.results_dir}, or that in it"
        raise AssembleError(request.submission_dir, problem, "give two folders beside each other")
    results, skipped = find_results(request.results_dir, allow_sample=request.allow_sample)
    names = {result.model: _benchmark(request, result) for result in results}
    for result in results:
        request.accept(result)
    root, partial = request.submission_dir, request.submission_dir / _PARTIAL
    place = root / request.division / request.submitter
    try:
        root.mkdir(parents=True, exist_ok=True)
        fresh = Submitter(request.division, partial / request.division / request.submitter)
        with lock_submission(root, AssembleError), _prepared(place, fresh.folder, partial, clean=request.clean):
            _write(request, results, fresh.folder, names)
            inferred = infer_scenarios(fresh, request.rules) if request.infer else ()
            _swap(fresh.folder, place, partial)
    except OSError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            # Python's own cleaning up failed where it was interrupted.
            raise error.__context__ from None
        problem = f"cannot be written ({error.strerror or error})"
        raise AssembleError(error.filename or place, problem, "give a folder of yours by --submission_dir") from error
    return Assembled(place, tuple(results), tuple(skipped), inferred)


def _benchmark(request: SubmissionRequest, result: FoundResult) -> str:
    known = request.model_benchmarks.get(result.model) or (result.measurement.benchmark if result.measurement else None)
    found = known or request.rules.benchmark_of(result.model, {})
    if found not in request.rules.benchmarks or found is None:
        problem = f"the name {result.model} does not tell its benchmark"
        advice = f"say it by --extra_model_benchmark_map={result.model}:<{'|'.join(request.rules.benchmarks)}>"
        raise AssembleError(result.folder, problem, advice)
    return found


def _write(request: SubmissionRequest, results: Sequence[FoundResult], folder: Path, names: Mapping[str, str]) -> None:
    for result in results:
        where = f"{result.sut}/{result.model}/{result.scenario.lower()}"
        logs, settings = folder / "results" / where, folder / "measurements" / where
        # A result is replaced as a whole: what an earlier run left beside it is not this result's.
        for old in (logs, settings, folder / "compliance" / where):
            shutil.rmtree(old, ignore_errors=True)
        benchmark = request.rules.benchmarks[names[result.model]]
        write_logs(result, logs, request.rules, truncate=request.truncate)
        write_measurement_files(request, result, settings, benchmark.loadgen_model)
        if request.division in request.rules.submission.folders.compliance_divisions:
            write_compliance(result, folder / "compliance" / where, request.rules, benchmark.compliance_tests)
    # What was inferred from a result that is replaced now is no copy of it any more.
    for model in sorted({f"{result.sut}/{result.model}" for result in results}):
        for settings in subfolders(folder / "measurements" / model):
            path = settings / f"{settings.parent.parent.name}.json"
            if path.is_file() and "inferred_from" in read_existing(path):
                shutil.rmtree(settings)
                shutil.rmtree(folder / "results" / model / settings.name, ignore_errors=True)
    write_documents(request, results, folder, names)
    _write_systems(request, results, folder / "systems")


def _write_systems(request: SubmissionRequest, results: Sequence[FoundResult], folder: Path) -> None:
    for sut in sorted({result.sut for result in results}):
        own = [result for result in results if result.sut == sut]
        engine = next((framework(each.measurement) for each in own if each.measurement is not None), _OTHER_TOOL)
        told = dict(request.describe(sut, engine))
        if any(result.sample for result in own):
            notice = SAMPLE_NOTICE.strip("*")
            told["sw_notes"] = f"{notice} {told.get('sw_notes', '')}".strip()
        write_new_file(folder / f"{sut}.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _prepared(place: Path, fresh: Path, partial: Path, *, clean: bool) -> Iterator[None]:
    """Link into `fresh` what is there; after a failure or an interruption leave what was there, and nothing else."""
    try:
        _recover(place, partial)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not clean:
            shutil.copytree(place, fresh, copy_function=os.link, symlinks=True)
        else:
            fresh.mkdir()
        yield
    except BaseException:
        _recover(place, partial)
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _recover(place: Path, partial: Path) -> None:
    """Put back what a run that was killed between the two renames of `_swap` had taken away."""
    if (partial / _OLD).is_dir() and not place.exists():
        (partial / _OLD).rename(place)


def _swap(fresh: Path, place: Path, partial: Path) -> None:
    # On the disk before it takes the place of what was there.
    os.sync()
    place.parent.mkdir(parents=True, exist_ok=True)
    old = partial / _OLD
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(partial)


def infer_tree(root: Path, rules: Round) -> tuple[Inferred, ...]:
    """Infer what can be inferred in every submitter's folder of a submission; what is there already stays.

    Raises:
        BusyError: another process works on the submission.
    """
    with lock_submission(root):
        return tuple(made for submitter in submitters(root, rules) for made in infer_scenarios(submitter, rules))


def infer_scenarios(submitter: Submitter, rules: Round) -> tuple[Inferred, ...]:
    """Infer the scenarios that a submitter's systems' categories want and that were not measured."""
    inferred: list[Inferred] = []
    told = json_object(submitter.folder / rules.submission.folders.mapping)
    mapping = {key: str(value) for key, value in told.items()}
    for model in submitter.models():
        benchmark = rules.benchmark_of(model.name, mapping)
        categories = system_categories(submitter.description(model.parent.name))
        if benchmark is not None and benchmark in rules.benchmarks:
            inferred += _of_model(model, rules, rules.required_scenarios(benchmark, ",".join(categories)))
    return tuple(inferred)


def _of_model(model: Path, rules: Round, wanted: tuple[str, ...]) -> Iterator[Inferred]:
    measured: dict[str, tuple[Path, DetailLog]] = {}
    for folder in subfolders(model):
        detail = scan_detail(folder / PERFORMANCE_DIR / DETAIL_FILE)
        own = scenario_named(folder.name)
        # A run of another scenario than its folder's is a copy.
        if own is not None and detail.settings.get("scenario") == own:
            measured[own] = (folder, detail)
    present = {scenario_named(folder.name) for folder in subfolders(model)}
    for scenario in wanted:
        sources = []
        for name, (_, detail) in measured.items():
            inference = rules.submission.inference(name, scenario)
            value = detail.values.get(inference.key) if inference else None
            # LoadGen logs 0 where it had too few queries to estimate the other scenario's result.
            if isinstance(value, (int, float)) and value > 0:
                sources.append(name)
        if scenario in present or not sources:
            continue
        # What is nearest to what was asked: one sample at a time before eight.
        source = "SingleStream" if "SingleStream" in sources else sources[0]
        _copy(measured[source][0], scenario, source)
        yield Inferred(model.parent.name, model.name, source, scenario)


def _copy(source: Path, scenario: str, measured: str) -> None:
    """Copy measurement files first: a result is there when its logs are, and those come by one rename."""
    sut, model = source.parent.parent, source.parent
    submitter = sut.parent.parent
    settings = submitter / "measurements" / sut.name / model.name
    target = settings / scenario.lower()
    partial = settings / f"partial-{scenario.lower()}"
    for leftover in (partial, target, model / partial.name):
        shutil.rmtree(leftover, ignore_errors=True)
    if (settings / source.name).is_dir():
        shutil.copytree(settings / source.name, partial)
        mark_as_inferred(partial, sut.name, measured, scenario)
        partial.rename(target)
    shutil.copytree(source, model / partial.name)
    (model / partial.name).rename(model / scenario.lower())
