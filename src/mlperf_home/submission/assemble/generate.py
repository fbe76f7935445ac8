"""Generate a submission, and infer scenarios.

The submitter's folder is built in a partial folder, then renamed to its place. Existing files are hard links in the new
folder; new files replace links, never the content of a file. An interruption therefore leaves the old folder or the new
one, and a repeated run generates the same submission.

An inferred scenario is a marked copy of the run of a measured scenario. It never replaces a measured result.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog, scan_detail
from mlperf_home.measurements.layout import PERFORMANCE_DIR
from mlperf_home.rules.layouts import RESULTS
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
from mlperf_home.submission.assemble.prerequisites import nested, other_round
from mlperf_home.submission.check.documents import system_categories
from mlperf_home.submission.check.places import ResultPlace, Submitter, lock_submission, subfolders, submitters
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
    """One inferred scenario: a copy of the run of a measured one."""

    sut: str
    model: str
    measured: str
    scenario: str


@dataclass(frozen=True)
class Assembled:
    """A generated submission.

    Attributes:
        folder: the submitter's folder.
        results: its results.
        skipped: the folders that were left out, with the reasons.
        inferred: the inferred scenarios.
    """

    folder: Path
    results: tuple[FoundResult, ...]
    skipped: tuple[Skipped, ...]
    inferred: tuple[Inferred, ...]


def generate(request: SubmissionRequest) -> Assembled:
    """Generate a submission.

    Raises:
        AssembleError: the results cannot be submitted, the folders of results and submission overlap, the submission
            cannot be written, or another process is working on it.
    """
    if nested(request.results_dir, request.submission_dir):
        problem = f"overlaps with {request.results_dir}"
        raise AssembleError(request.submission_dir, problem, "use two folders beside each other")
    results, skipped = find_results(request.results_dir, request.rules, allow_sample=request.allow_sample)
    names = {result.model: _benchmark(request, result) for result in results}
    for result in results:
        request.accept(result)
    root, partial = request.submission_dir, request.submission_dir / _PARTIAL
    place = root / request.division / request.submitter
    if not request.clean:
        _require_this_round(place, request.rules)
    try:
        root.mkdir(parents=True, exist_ok=True)
        layout = request.rules.submission.layout
        fresh = Submitter(request.division, partial / request.division / request.submitter, layout)
        with lock_submission(root, AssembleError), _prepared(place, fresh.folder, partial, clean=request.clean):
            _write(request, results, fresh, names)
            inferred = infer_scenarios(fresh, request.rules) if request.infer else ()
            _swap(fresh.folder, place, partial)
    except AssembleError as error:
        raise _in_place(error, root, partial) from None
    except OSError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            # An interruption made the cleanup fail.
            raise error.__context__ from None
        problem = f"cannot be written ({error.strerror or error})"
        raise AssembleError(error.filename or place, problem, "use a --submission_dir that you can write to") from error
    return Assembled(place, tuple(results), tuple(skipped), inferred)


def _require_this_round(place: Path, rules: Round) -> None:
    """Raise AssembleError if a submitter's folder holds results of another round: no tree passes two rounds."""
    if other := other_round(place, rules):
        advice = "use another --submission_dir, or --clean to replace them"
        raise AssembleError(place, f"holds results of {other}, and this submission is for {rules.name}", advice)


def _in_place(error: AssembleError, root: Path, partial: Path) -> AssembleError:
    """Return an error about a file of the partial folder as one about the user's file, from which it was linked."""
    where = error.where.replace(f"{partial}{os.sep}", f"{root}{os.sep}", 1)
    return AssembleError(where, error.problem, error.advice)


def _benchmark(request: SubmissionRequest, result: FoundResult) -> str:
    mapped = request.model_benchmarks.get(result.model)
    measured = result.measurement.benchmark if result.measurement else None
    if mapped and measured and mapped != measured:
        problem = f"is a result of {measured}, but --extra_model_benchmark_map takes {result.model} to {mapped}"
        raise AssembleError(result.folder, problem, "correct the map, or leave the model out of it")
    benchmark = mapped or measured or request.rules.benchmark_of(result.model, {})
    if benchmark not in request.rules.benchmarks or benchmark is None:
        problem = f"the benchmark of {result.model} is unknown"
        advice = f"add --extra_model_benchmark_map={result.model}:<{'|'.join(request.rules.benchmarks)}>"
        raise AssembleError(result.folder, problem, advice)
    return benchmark


def _write(
    request: SubmissionRequest, results: Sequence[FoundResult], submitter: Submitter, names: Mapping[str, str]
) -> None:
    folder, layout = submitter.folder, submitter.layout
    for result in results:
        place = ResultPlace(submitter, result.sut, result.model, layout.scenario(result.scenario))
        logs, settings = place.results, place.measurements
        # A result is replaced completely: other files there belong to an earlier result.
        for old in (logs, settings, place.tests):
            shutil.rmtree(old, ignore_errors=True)
        benchmark = request.rules.benchmarks[names[result.model]]
        write_logs(result, logs, request.rules, truncate=request.truncate)
        write_measurement_files(request, result, settings, logs, benchmark.loadgen_model)
        if request.division in request.rules.submission.folders.compliance_divisions:
            write_compliance(result, place.tests, request.rules, benchmark.compliance_tests)
    # Copies that were inferred from a replaced result are out of date.
    for model in sorted({f"{result.sut}/{result.model}" for result in results}):
        for settings in subfolders(folder / layout.measurements / model):
            path = settings / layout.json_name(settings.parent.parent.name)
            if path.is_file() and "inferred_from" in read_existing(path):
                shutil.rmtree(settings)
                shutil.rmtree(folder / RESULTS / model / settings.name, ignore_errors=True)
    write_documents(request, results, folder, names)
    _write_systems(request, results, folder / "systems")


def _write_systems(request: SubmissionRequest, results: Sequence[FoundResult], folder: Path) -> None:
    for sut in sorted({result.sut for result in results}):
        own = [result for result in results if result.sut == sut]
        engine = next((framework(each.measurement) for each in own if each.measurement is not None), _OTHER_TOOL)
        description = dict(request.describe(sut, engine))
        if any(result.sample for result in own):
            notice = SAMPLE_NOTICE.strip("*")
            description["sw_notes"] = f"{notice} {description.get('sw_notes', '')}".strip()
        write_new_file(folder / f"{sut}.json", json.dumps(description, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _prepared(place: Path, fresh: Path, partial: Path, *, clean: bool) -> Iterator[None]:
    """Link the files of `place` into `fresh`; after a failure, restore `place` and remove `partial`."""
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
    """Restore the old folder if a run was killed between the two renames of `_swap`."""
    if (partial / _OLD).is_dir() and not place.exists():
        (partial / _OLD).rename(place)


def _swap(fresh: Path, place: Path, partial: Path) -> None:
    # The new folder must be on the disk before it replaces the old one.
    os.sync()
    place.parent.mkdir(parents=True, exist_ok=True)
    old = partial / _OLD
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(partial)


def infer_tree(root: Path, rules: Round) -> tuple[Inferred, ...]:
    """Infer scenarios in every submitter's folder of a submission; existing results stay.

    Raises:
        BusyError: another process is working on the submission.
        AssembleError: the submission is for another round, or a JSON file of it cannot be read.
    """
    with lock_submission(root):
        every = list(submitters(root, rules))
        for submitter in every:
            if other := other_round(submitter.folder, rules):
                problem = f"holds results of {other}, not of {rules.name}"
                raise AssembleError(submitter.folder, problem, f"add --round={other}")
        return tuple(each for submitter in every for each in infer_scenarios(submitter, rules))


def infer_scenarios(submitter: Submitter, rules: Round) -> tuple[Inferred, ...]:
    """Infer the scenarios that are required and were not measured.

    Raises:
        AssembleError: a JSON file of the submission cannot be read.
    """
    inferred: list[Inferred] = []
    path = submitter.folder / rules.submission.folders.mapping
    names = read_existing(path) if path.exists() else {}
    mapping = {key: str(value) for key, value in names.items()}
    for model in submitter.models():
        benchmark = rules.benchmark_of(model.name, mapping)
        categories = system_categories(submitter.description(model.parent.name))
        if benchmark is not None and benchmark in rules.benchmarks:
            required = rules.required_scenarios(benchmark, ",".join(categories))
            inferred += _infer_for_model(submitter, model, rules, required)
    return tuple(inferred)


def _infer_for_model(submitter: Submitter, model: Path, rules: Round, required: tuple[str, ...]) -> Iterator[Inferred]:
    measured: dict[str, tuple[Path, DetailLog]] = {}
    for folder in subfolders(model):
        detail = scan_detail(folder / PERFORMANCE_DIR / DETAIL_FILE)
        own = scenario_named(folder.name)
        # The log of a copy names another scenario than its folder.
        if own is not None and detail.settings.get("scenario") == own:
            measured[own] = (folder, detail)
    present = {scenario_named(folder.name) for folder in subfolders(model)}
    for scenario in required:
        sources = []
        for name, (_, detail) in measured.items():
            inference = rules.submission.inference(name, scenario)
            value = detail.values.get(inference.key) if inference else None
            # LoadGen logs 0 if it had too few queries to estimate the other scenario's result.
            if isinstance(value, (int, float)) and value > 0:
                sources.append(name)
        if scenario in present or not sources:
            continue
        # SingleStream comes first: it measures single samples.
        source = "SingleStream" if "SingleStream" in sources else sources[0]
        _copy(submitter, measured[source][0], scenario, source)
        yield Inferred(model.parent.name, model.name, source, scenario)


def _copy(submitter: Submitter, source: Path, scenario: str, measured: str) -> None:
    """Copy a run as another scenario; its logs come last, by one rename, since they make the result complete."""
    sut, model, layout = source.parent.parent, source.parent, submitter.layout
    settings = submitter.folder / layout.measurements / sut.name / model.name
    target = settings / layout.scenario(scenario)
    partial = settings / f"partial-{scenario.lower()}"
    described = settings / source.name / layout.json_name(sut.name)
    # A damaged file must be reported before anything is copied.
    fields = read_existing(described) if described.is_file() else {}
    for leftover in (partial, target, model / partial.name):
        shutil.rmtree(leftover, ignore_errors=True)
    if layout.merged:
        shutil.copytree(source, partial)
        if fields:
            mark_as_inferred(partial / described.name, fields, measured, scenario)
        partial.rename(target)
        return
    if (settings / source.name).is_dir():
        shutil.copytree(settings / source.name, partial)
        mark_as_inferred(partial / described.name, fields, measured, scenario)
        partial.rename(target)
    shutil.copytree(source, model / partial.name)
    (model / partial.name).rename(model / layout.scenario(scenario))
