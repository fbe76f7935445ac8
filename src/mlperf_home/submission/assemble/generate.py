"""Make a submission: beside its place first, then into it by one rename.

What was in the submitter's folder before is linked into the new one, and what is new replaces links, never the
content of a file; so whoever kills this leaves the old folder or the new one, and the next run makes the same.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.submission.assemble.collect import AssembleError, FoundResult, Order, Skipped, find_results
from mlperf_home.submission.assemble.documents import (
    SAMPLE_NOTICE,
    framework,
    put,
    write_documents,
    write_measurement_files,
)
from mlperf_home.submission.assemble.infer import Inferred, infer_scenarios
from mlperf_home.submission.assemble.logs import write_compliance, write_logs
from mlperf_home.submission.assemble.prerequisites import nested
from mlperf_home.submission.check.places import Submitter, subfolders
from mlperf_home.submission.tree.root_lock import BusyError, held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PARTIAL = ".mlperf-home-partial"
_OLD = "old"
_OTHER_TOOL = "unknown: measured by another tool"


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


def generate(order: Order) -> Assembled:
    """Make the submission.

    Raises:
        AssembleError: nothing can be made of the results, they lie in the submission or it in them, the folder cannot
            be written, or another process is making a submission there.
    """
    if nested(order.results_dir, order.submission_dir):
        problem = f"lies in {order.results_dir}, or that in it"
        raise AssembleError(order.submission_dir, problem, "give two folders beside each other")
    results, skipped = find_results(order.results_dir, allow_sample=order.allow_sample)
    names = {result.model: _benchmark(order, result) for result in results}
    for result in results:
        order.accept(result)
    place = order.submission_dir / order.division / order.submitter
    try:
        order.submission_dir.mkdir(parents=True, exist_ok=True)
        with held(order.submission_dir), _cleaned_up(place, order.submission_dir / _PARTIAL):
            fresh = Submitter(order.division, order.submission_dir / _PARTIAL / order.division / order.submitter)
            _recover(place, order.submission_dir / _PARTIAL)
            _start(place, fresh.folder, clean=order.clean)
            _write(order, results, fresh.folder, names)
            inferred = infer_scenarios(fresh, order.rules) if order.infer else ()
            _swap(fresh.folder, place, order.submission_dir / _PARTIAL)
    except BusyError as error:
        raise AssembleError(error.where, error.problem, error.advice) from None
    except OSError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            # Python's own cleaning up failed where it was interrupted.
            raise error.__context__ from None
        problem = f"cannot be written ({error.strerror or error})"
        raise AssembleError(error.filename or place, problem, "give a folder of yours by --submission_dir") from error
    return Assembled(place, tuple(results), tuple(skipped), inferred)


def _benchmark(order: Order, result: FoundResult) -> str:
    known = order.model_benchmarks.get(result.model) or (result.measurement.benchmark if result.measurement else None)
    found = known or order.rules.benchmark_of(result.model, {})
    if found not in order.rules.benchmarks or found is None:
        problem = f"the name {result.model} does not tell its benchmark"
        advice = f"say it by --extra_model_benchmark_map={result.model}:<{'|'.join(order.rules.benchmarks)}>"
        raise AssembleError(result.folder, problem, advice)
    return found


def _write(order: Order, results: Sequence[FoundResult], folder: Path, names: Mapping[str, str]) -> None:
    for result in results:
        where = f"{result.sut}/{result.model}/{result.scenario.lower()}"
        logs, settings = folder / "results" / where, folder / "measurements" / where
        # A result is replaced as a whole: what an earlier run left beside it is not this result's.
        for old in (logs, settings, folder / "compliance" / where):
            shutil.rmtree(old, ignore_errors=True)
        benchmark = order.rules.benchmarks[names[result.model]]
        write_logs(result, logs, order.rules, truncate=order.truncate)
        write_measurement_files(order, result, settings, benchmark.loadgen_model)
        if order.division in order.rules.submission.folders.compliance_divisions:
            write_compliance(result, folder / "compliance" / where, order.rules, benchmark.compliance_tests)
    _drop_copies(folder, results)
    write_documents(order, results, folder, names)
    _write_systems(order, results, folder / "systems")


def _drop_copies(folder: Path, results: Sequence[FoundResult]) -> None:
    """Drop what was inferred from a result that is replaced now."""
    for model in sorted({f"{result.sut}/{result.model}" for result in results}):
        for settings in subfolders(folder / "measurements" / model):
            path = settings / f"{settings.parent.parent.name}.json"
            if path.is_file() and "inferred_from" in json.loads(path.read_text("utf-8")):
                shutil.rmtree(settings)
                shutil.rmtree(folder / "results" / model / settings.name, ignore_errors=True)


def _write_systems(order: Order, results: Sequence[FoundResult], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for sut in sorted({result.sut for result in results}):
        own = [result for result in results if result.sut == sut]
        engine = next((framework(each.measurement) for each in own if each.measurement is not None), _OTHER_TOOL)
        told = dict(order.describe(sut, engine))
        if any(result.sample for result in own):
            notice = SAMPLE_NOTICE.strip("*")
            told["sw_notes"] = f"{notice} {told.get('sw_notes', '')}".strip()
        put(folder / f"{sut}.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _cleaned_up(place: Path, partial: Path) -> Iterator[None]:
    """After a failure or an interruption leave what was there before, and nothing else."""
    try:
        yield
    except BaseException:
        _recover(place, partial)
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _recover(place: Path, partial: Path) -> None:
    """Put back what a run that was killed between the two renames of `_swap` had taken away."""
    if (partial / _OLD).is_dir() and not place.exists():
        (partial / _OLD).rename(place)


def _start(place: Path, fresh: Path, *, clean: bool) -> None:
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not clean:
        shutil.copytree(place, fresh, copy_function=os.link, symlinks=True)
    else:
        fresh.mkdir()


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
