"""Checks of the tree: its folders and names, the mapping of models to benchmarks, missing scenarios."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.measurements.layout import read_object
from mlperf_home.rules.rounds import SCENARIOS
from mlperf_home.submission.check.documents import system_categories
from scriptgraph.errors import DocumentError
from scriptgraph.printable import shortened

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from mlperf_home.rules import Round
    from mlperf_home.submission.check.places import CheckScope, Finding, Submitter

SCENARIO_MISSING = "scenario-missing"
"""The rule of findings about missing scenarios that a category requires."""

# The folders beside the results, with the same folders of systems, models and scenarios, and their contents.
_BESIDE_RESULTS = (("measurements", "measurement files"), ("compliance", "compliance tests"))
_LEVELS = 3
_OLD_FOLDERS = (
    ("measurements", "measurement files", "the results' folders of scenarios"),
    ("compliance", "compliance tests", "the results' folders of scenarios"),
    ("code", "sources", "src"),
)
# Names that all file systems allow, and git on all of them.
_PORTABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,()#~-]*")


def check_structure(scope: CheckScope) -> Iterator[Finding]:
    """Check the root, the divisions and every name below them."""
    folders = scope.rules.submission.folders
    remedy = "move it out of the submission"
    for path in sorted(scope.root.iterdir()):
        if path.is_dir():
            if path.name not in (*folders.divisions, *folders.beside_divisions):
                problem = f"is not the folder of a division ({', '.join(folders.divisions)})"
                yield scope.finding(path, "root-folder", problem, remedy)
        elif path.suffix not in folders.root_suffixes:
            problem = f"is a file in the root, but not {' or '.join(folders.root_suffixes)}"
            yield scope.finding(path, "root-file", problem, remedy)
    divisions = [scope.root / name for name in folders.divisions if (scope.root / name).is_dir()]
    if not divisions:
        yield scope.finding(scope.root, "empty-tree", "has no folder of a division", "generate the submission first")
    for division in divisions:
        yield from _check_division(scope, division)


def _check_division(scope: CheckScope, division: Path) -> Iterator[Finding]:
    open_folders = [str(division)]
    while open_folders:
        name = open_folders.pop()
        entries = list(scope.contents.folder(name).values())
        folder, folders = Path(name), [each for each in entries if each.is_dir()]
        if folder == division:
            if not folders:
                problem = "has no folder of a submitter"
                yield scope.finding(folder, "empty-tree", problem, "generate the submission first")
            for file in (each for each in entries if each not in folders):
                yield scope.finding(Path(file), "division-file", "is outside the submitters' folders", "move it out")
        if not entries:
            yield scope.finding(folder, "empty-folder", "is empty", "remove it")
        yield from _check_names(scope, folder, [each.name for each in entries])
        for entry in entries:
            yield from _check_entry(scope, entry)
        open_folders += [each.path for each in folders if not each.is_symlink()]


def _check_entry(scope: CheckScope, entry: os.DirEntry[str]) -> Iterator[Finding]:
    limit = scope.rules.submission.limits.file_bytes
    if entry.is_symlink() and not Path(entry).exists():
        yield scope.finding(Path(entry), "broken-link", "is a broken link", "replace it by the file")
    elif entry.is_symlink():
        # The official checker resolves links from the root of the submission.
        yield scope.finding(Path(entry), "link", "is a link", "replace it by its target")
    elif entry.is_file() and (size := entry.stat().st_size) > limit:
        problem = f"has {size / 2**20:.1f} MB, above {limit / 2**20:.0f} MB"
        yield scope.finding(Path(entry), "file-size", problem, "truncate the accuracy log, or remove the file")


def _check_names(scope: CheckScope, folder: Path, names: list[str]) -> Iterator[Finding]:
    for name in names:
        if fault := _name_fault(name):
            yield scope.finding(folder / name, *fault)
    if len({name.lower() for name in names}) == len(names):
        return
    seen: dict[str, str] = {}
    for name in sorted(names):
        if (other := seen.get(name.lower())) and not _name_fault(name):
            problem = f"differs from {other} by case only"
            yield scope.finding(folder / name, "case-collision", problem, "remove one of the two")
        seen[name.lower()] = name


@lru_cache(maxsize=4096)
def _name_fault(name: str) -> tuple[str, str, str] | None:
    """Return rule, problem and remedy of a name; None for one that every machine accepts. A tree repeats its names."""
    if name == "__pycache__":
        return "pycache", "holds compiled Python", "remove it"
    if " " in name:
        return "space-in-name", "has a space in its name", "rename it"
    if not _PORTABLE.fullmatch(name):
        problem = "has a name that git or another machine may reject (hidden, or with unusual characters)"
        return "unfriendly-name", problem, "rename or remove it"
    return None


class MappingError(Exception):
    """A list of models and benchmarks is malformed; the text shows the right form."""


def parse_mapping(text: str, rules: Round) -> dict[str, str]:
    """Parse `model:benchmark,model:benchmark`.

    Raises:
        MappingError: the text has another form, or names a benchmark that the round does not know.
    """
    pairs = [part.partition(":") for part in text.split(",") if part.strip()]
    for model, colon, benchmark in pairs:
        if not (model.strip() and colon and benchmark.strip()):
            part = f"{model}{colon}{benchmark}"
            raise MappingError(f"{part!r} maps no model to a benchmark; write <model>:<benchmark>,<model>:<benchmark>")
        if benchmark.strip() not in rules.benchmarks:
            known = ", ".join(rules.benchmarks)
            raise MappingError(f"{shortened(model)}: unknown benchmark {benchmark.strip()}; use one of {known}")
    return {model.strip(): benchmark.strip() for model, _, benchmark in pairs}


def read_mapping(scope: CheckScope, submitter: Submitter) -> tuple[dict[str, str], list[Finding]]:
    """Read a submitter's mapping; return an empty one, with findings, if it cannot be used."""
    folders = scope.rules.submission.folders
    path = submitter.folder / folders.mapping
    if not path.exists():
        return {}, []
    if submitter.division not in folders.mapping_divisions:
        problem = f"the {submitter.division} division allows no mapping of names"
        return {}, [scope.finding(path, "mapping-division", problem, "name each model by its benchmark")]
    try:
        mapping = read_object(path)
        problem = "" if all(isinstance(name, str) for name in mapping.values()) else "is not a JSON object of texts"
    except DocumentError as error:
        problem = error.problem
    if problem:
        return {}, [scope.finding(path, "mapping-unreadable", problem, 'write {"<model>": "<benchmark>"}')]
    known = (*scope.rules.submitted_benchmarks, *scope.rules.submission.benchmarks_not_held)
    unknown = ((model, name) for model, name in sorted(mapping.items()) if name not in known)
    problems = (f"maps {model} to {name}, an unknown benchmark" for model, name in unknown)
    remedy = f"use one of {', '.join(known)}"
    return mapping, [scope.finding(path, "mapping-benchmark", each, remedy) for each in problems]


def scenario_named(folder: str) -> str | None:
    """Return the scenario of a folder's name, in any case; None if the name is none."""
    return next((name for name in SCENARIOS if name.lower() == folder.lower()), None)


def check_scenarios(scope: CheckScope, submitter: Submitter, mapping: Mapping[str, str]) -> Iterator[Finding]:
    """Check the scenarios of every model of a submitter: their names, and the category's requirements."""
    if not any(submitter.results()):
        problem = "holds no results"
        yield scope.finding(submitter.folder / "results", "no-results", problem, "generate the submission first")
    for model in submitter.models():
        yield from _check_scenario_names(scope, submitter, model)
        benchmark = scope.rules.benchmark_of(model.name, mapping)
        if benchmark is not None and benchmark in scope.rules.submitted_benchmarks:
            yield from _check_required(scope, submitter, model, benchmark)
    for kind, noun in () if submitter.layout.merged else _BESIDE_RESULTS:
        yield from _check_leftovers(scope, submitter, kind, noun)
    for name, noun, place in _OLD_FOLDERS if submitter.layout.merged else ():
        if scope.contents.is_dir(folder := submitter.folder / name):
            problem = f"{scope.rules.name} has {noun} in {place}; nobody reads this folder"
            yield scope.finding(folder, "old-folder", problem, "move its files there, or remove it")


def _check_leftovers(scope: CheckScope, submitter: Submitter, kind: str, noun: str) -> Iterator[Finding]:
    """Report the highest folders without results beside them: of a system, a model or a scenario."""
    results, top = submitter.folder / "results", submitter.folder / kind
    below = [scope.contents.subfolders(top)]
    for _ in range(_LEVELS):
        gone = [each for each in below[-1] if not scope.contents.is_dir(results / each.relative_to(top))]
        for folder in gone:
            problem = f"has {noun}, but no results"
            yield scope.finding(folder, f"{kind}-without-results", problem, "remove it, or add the results")
        below.append([each for folder in below[-1] if folder not in gone for each in scope.contents.subfolders(folder)])


def _case_of_scenario(own: str, *, merged: bool) -> tuple[str, str]:
    """Return the problem and the remedy of a folder whose name differs by case only."""
    if merged:
        problem = "is not in the case of LoadGen's names; the official summary would call it inferred"
        return problem, f"rename it to {own}"
    problem = "is not in lower case; published trees and the official tools are"
    return problem, f"rename it to {own} in results, measurements and compliance"


def _check_scenario_names(scope: CheckScope, submitter: Submitter, model: Path) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for folder in scope.contents.subfolders(model):
        scenario = scenario_named(folder.name)
        if scenario is None:
            problem = f"is not a scenario ({', '.join(name.lower() for name in SCENARIOS)})"
            yield scope.finding(folder, "scenario-name", problem, "rename or remove it")
            continue
        if scenario in seen:
            problem = f"is a second {scenario}, beside {seen[scenario]}"
            yield scope.finding(folder, "scenario-twice", problem, "keep one result for a scenario")
        elif folder.name != (own := scenario if submitter.layout.merged else folder.name.lower()):
            yield scope.finding(folder, "scenario-case", *_case_of_scenario(own, merged=submitter.layout.merged))
        seen[scenario] = folder.name


def _check_required(scope: CheckScope, submitter: Submitter, model: Path, benchmark: str) -> Iterator[Finding]:
    categories = system_categories(submitter.description(model.parent.name))
    scenarios = scope.rules.submitted_benchmarks[benchmark].scenarios
    known = ", ".join(category for category in categories if category in scenarios)
    required = scope.rules.required_scenarios(benchmark, ",".join(categories))
    present = {scenario for folder in scope.contents.subfolders(model) if (scenario := scenario_named(folder.name))}
    if not known or not present:
        return
    for scenario in sorted(present.difference(required)):
        problem = f"{scenario} is not a scenario of {benchmark} in {known}"
        remedy = f"use {', '.join(required) or 'another category'}"
        yield scope.finding(model / scenario.lower(), "scenario-category", problem, remedy)
    if missing := [name for name in required if name not in present]:
        strict = submitter.division in scope.rules.submission.folders.compliance_divisions
        problem = f"{', '.join(missing)} missing, required for {benchmark} in {known}"
        remedy = "run it, or infer it if the round allows that"
        yield scope.finding(model, SCENARIO_MISSING, problem, remedy, note=not strict)
