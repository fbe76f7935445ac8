"""Which scenarios stand in a tree, which are missing, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.rules.rounds import SCENARIOS
from mlperf_home.submission.check.tree.models import benchmark_of
from mlperf_home.submission.check.tree.places import subfolders
from mlperf_home.submission.check.tree.systems import system_categories

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.submission.check.tree.finding import Finding, Frame
    from mlperf_home.submission.check.tree.places import Submitter


SCENARIO_MISSING = "scenario-missing"
"""The rule of findings about scenarios that a category wants and that are not there."""


def scenario_named(folder: str) -> str | None:
    """Give the scenario that a folder's name stands for, whatever its case; None for another name."""
    return next((name for name in SCENARIOS if name.lower() == folder.lower()), None)


def check_scenarios(frame: Frame, submitter: Submitter, mapping: Mapping[str, str]) -> Iterator[Finding]:
    """Check the scenarios of every model of a submitter: their names, and whether the category wants them."""
    for sut in subfolders(submitter.folder / "results"):
        categories = system_categories(submitter.folder / "systems" / f"{sut.name}.json")
        for model in subfolders(sut):
            yield from _names(frame, model)
            benchmark = benchmark_of(model.name, frame.rules, mapping)
            if benchmark is not None and benchmark in frame.rules.benchmarks and categories:
                yield from _wanted(frame, submitter, model, benchmark, categories)
    measured = {(sut.name, model.name) for sut in subfolders(submitter.folder / "results") for model in subfolders(sut)}
    for sut in subfolders(submitter.folder / "measurements"):
        for model in subfolders(sut):
            if (sut.name, model.name) not in measured:
                problem = "has measurement files and no results"
                yield frame.finding(model, "measurements-without-results", problem, "remove it, or add the results")


def _names(frame: Frame, model: Path) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for folder in subfolders(model):
        scenario = scenario_named(folder.name)
        if scenario is None:
            problem = f"is no scenario ({', '.join(name.lower() for name in SCENARIOS)})"
            yield frame.finding(folder, "scenario-name", problem, "rename or remove it")
            continue
        if scenario in seen:
            problem = f"is {scenario} again, beside {seen[scenario]}"
            yield frame.finding(folder, "scenario-twice", problem, "keep one result for a scenario")
        elif folder.name != folder.name.lower():
            problem = "is not in lower case, as published trees and the official tools have it"
            yield frame.finding(folder, "scenario-case", problem, f"rename it to {folder.name.lower()}, here and there")
        seen[scenario] = folder.name


def _wanted(
    frame: Frame, submitter: Submitter, model: Path, benchmark: str, categories: tuple[str, ...]
) -> Iterator[Finding]:
    known = [category for category in categories if category in frame.rules.benchmarks[benchmark].scenarios]
    wanted = frame.rules.required_scenarios(benchmark, ",".join(known)) if known else ()
    present = {scenario_named(folder.name) for folder in subfolders(model)} - {None}
    if not known or not present:
        return
    for scenario in sorted(name for name in present if name and name not in wanted):
        problem = f"{scenario} is not a scenario of {benchmark} in {', '.join(known)}"
        remedy = f"use {', '.join(wanted) or 'another category'}"
        yield frame.finding(model / scenario.lower(), "scenario-category", problem, remedy)
    missing = [name for name in wanted if name not in present]
    if missing:
        strict = submitter.division in frame.rules.submission.folders.compliance_divisions
        make = frame.finding if strict else frame.note
        problem = f"{', '.join(missing)} missing of what {', '.join(known)} wants of {benchmark}"
        yield make(model, SCENARIO_MISSING, problem, "run it, or infer it where the round allows that")
