"""Scenarios that are inferred: a measured scenario's run, copied and marked, never over a measured result."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog, scan_detail
from mlperf_home.measurements.layout import json_object
from mlperf_home.submission.assemble.documents import mark_as_inferred
from mlperf_home.submission.check.documents import system_categories
from mlperf_home.submission.check.places import Submitter, subfolders, submitters
from mlperf_home.submission.check.structure import scenario_named
from mlperf_home.submission.tree.root_lock import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules import Round


@dataclass(frozen=True)
class Inferred:
    """One copy that was made."""

    sut: str
    model: str
    measured: str
    scenario: str


def infer_tree(root: Path, rules: Round) -> tuple[Inferred, ...]:
    """Infer what can be inferred in every submitter's folder of a submission; what is there already stays.

    Raises:
        BusyError: another process works on the submission.
    """
    with held(root):
        return tuple(made for submitter in submitters(root, rules) for made in infer_scenarios(submitter, rules))


def infer_scenarios(submitter: Submitter, rules: Round) -> tuple[Inferred, ...]:
    """Infer the scenarios that a submitter's systems' categories want and that were not measured."""
    inferred: list[Inferred] = []
    told = json_object(submitter.folder / rules.submission.folders.mapping)
    mapping = {key: str(value) for key, value in told.items()}
    for model in submitter.models():
        benchmark = rules.benchmark_of(model.name, mapping)
        categories = system_categories(submitter.folder / "systems" / f"{model.parent.name}.json")
        if benchmark is not None and benchmark in rules.benchmarks:
            inferred += _of_model(model, rules, rules.required_scenarios(benchmark, ",".join(categories)))
    return tuple(inferred)


def _of_model(model: Path, rules: Round, wanted: tuple[str, ...]) -> Iterator[Inferred]:
    measured = {detail.settings["scenario"]: (folder, detail) for folder, detail in _measured(model, rules)}
    present = {scenario_named(folder.name) for folder in subfolders(model)}
    for scenario in wanted:
        sources = [name for name, (_, detail) in measured.items() if _gives(rules, name, scenario, detail)]
        if scenario in present or not sources:
            continue
        # What is nearest to what was asked: one sample at a time before eight.
        source = "SingleStream" if "SingleStream" in sources else sources[0]
        _copy(measured[source][0], scenario, source)
        yield Inferred(model.parent.name, model.name, source, scenario)


def _measured(model: Path, rules: Round) -> Iterator[tuple[Path, DetailLog]]:
    """List the folders whose performance run is of their own scenario and not a copy."""
    for folder in subfolders(model):
        run = folder / "performance" / rules.submission.folders.run / DETAIL_FILE
        if run.is_file() and scenario_named(folder.name) is not None:
            detail = scan_detail(run)
            if detail.settings.get("scenario") == scenario_named(folder.name):
                yield folder, detail


def _gives(rules: Round, measured: str, scenario: str, detail: DetailLog) -> bool:
    """Say whether a run gives the other scenario's result: LoadGen logs 0 where it had too few queries to estimate."""
    inference = rules.submission.inference(measured, scenario)
    value = detail.values.get(inference.key) if inference else None
    return isinstance(value, (int, float)) and value > 0


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
