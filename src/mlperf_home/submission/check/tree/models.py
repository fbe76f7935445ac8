"""The models and scenarios of a tree: which benchmark a name stands for, and which scenarios are there or missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlperf_home.rules.rounds import SCENARIOS
from mlperf_home.submission.check.tree.documents import system_categories
from mlperf_home.submission.check.tree.places import subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.submission.check.tree.places import Finding, Frame, Submitter

SCENARIO_MISSING = "scenario-missing"
"""The rule of findings about scenarios that a category wants and that are not there."""


class MappingError(Exception):
    """A list of models and benchmarks cannot be read; the text says how to write it."""


def parse_mapping(text: str, rules: Round) -> dict[str, str]:
    """Read `model:benchmark,model:benchmark`, as users type it.

    Raises:
        MappingError: it has another form, or names a benchmark that the round does not know.
    """
    pairs = [part.partition(":") for part in text.split(",") if part.strip()]
    for model, colon, benchmark in pairs:
        if not (model.strip() and colon and benchmark.strip()):
            given = f"{model}{colon}{benchmark}"
            raise MappingError(f"{given!r} maps no model to a benchmark; write <model>:<benchmark>,<model>:<benchmark>")
        if benchmark.strip() not in rules.benchmarks:
            known = ", ".join(rules.benchmarks)
            raise MappingError(f"{model.strip()} cannot be mapped to {benchmark.strip()}; known are {known}")
    return {model.strip(): benchmark.strip() for model, _, benchmark in pairs}


def read_mapping(frame: Frame, submitter: Submitter) -> tuple[dict[str, str], list[Finding]]:
    """Read a submitter's mapping; it is empty where there is none or it cannot be used."""
    folders = frame.rules.submission.folders
    path = submitter.folder / folders.mapping
    if not path.exists():
        return {}, []
    if submitter.division not in folders.mapping_divisions:
        problem = f"the {submitter.division} division takes no mapping of names"
        return {}, [frame.finding(path, "mapping-division", problem, "name models by their benchmark")]
    try:
        mapping = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        mapping = None
    if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
        problem = "is no JSON object of texts"
        return {}, [frame.finding(path, "mapping-unreadable", problem, 'write {"<model>": "<benchmark>"}')]
    known = ", ".join(frame.rules.benchmarks)
    unknown = ((model, name) for model, name in sorted(mapping.items()) if name not in frame.rules.benchmarks)
    problems = (f"maps {model} to {name}, which is no benchmark known here" for model, name in unknown)
    return mapping, [frame.finding(path, "mapping-benchmark", each, f"name one of {known}") for each in problems]


def scenario_named(folder: str) -> str | None:
    """Give the scenario that a folder's name stands for, whatever its case; None for another name."""
    return next((name for name in SCENARIOS if name.lower() == folder.lower()), None)


def check_scenarios(frame: Frame, submitter: Submitter, mapping: Mapping[str, str]) -> Iterator[Finding]:
    """Check the scenarios of every model of a submitter: their names, and whether the category wants them."""
    for model in submitter.models():
        yield from _names(frame, model)
        benchmark = frame.rules.benchmark_of(model.name, mapping)
        categories = system_categories(submitter.folder / "systems" / f"{model.parent.name}.json")
        if benchmark is not None and benchmark in frame.rules.benchmarks:
            yield from _wanted(frame, submitter, model, benchmark, categories)
    for model in submitter.models("measurements"):
        if not (submitter.folder / "results" / model.parent.name / model.name).is_dir():
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
    known = ", ".join(category for category in categories if category in frame.rules.benchmarks[benchmark].scenarios)
    wanted = frame.rules.required_scenarios(benchmark, ",".join(categories))
    present = {scenario for folder in subfolders(model) if (scenario := scenario_named(folder.name))}
    if not known or not present:
        return
    for scenario in sorted(present.difference(wanted)):
        problem = f"{scenario} is not a scenario of {benchmark} in {known}"
        remedy = f"use {', '.join(wanted) or 'another category'}"
        yield frame.finding(model / scenario.lower(), "scenario-category", problem, remedy)
    if missing := [name for name in wanted if name not in present]:
        strict = submitter.division in frame.rules.submission.folders.compliance_divisions
        problem = f"{', '.join(missing)} missing of what {known} wants of {benchmark}"
        remedy = "run it, or infer it where the round allows that"
        yield frame.finding(model, SCENARIO_MISSING, problem, remedy, note=not strict)
