"""The commands `cm find`, `show` and `rm result`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.artifact_commands import answer_command, artifacts_folder
from mlperf_home.experiments.fronts import fronts_of
from mlperf_home.measurements.imports.shipped import SHIPPED, shipped_measurements
from mlperf_home.results.command_table import result_command
from mlperf_home.results.export import as_csv
from mlperf_home.results.published_tables import published_sections, standing_rows
from mlperf_home.results.standing import standing_of
from mlperf_home.results.stored import (
    Selection,
    StoredResultError,
    find_results,
    remove_result,
    require_result,
)
from mlperf_home.results.tables import best_of, find_section, front_section, grouped, result_section
from scriptgraph.embed import Section, confirmed, show_sections
from scriptgraph.errors import RequestError
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.reported import not_yet_reported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.experiments.fronts import Front
    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.results.stored import StoredResult
    from scriptgraph.embed import Arguments, RunConsole


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Run `cm ACTION result`; ACTION is find, show or rm. Return cmind's dictionary."""
    return answer_command(result_command(action), command, _ACTIONS[action])


def _selection(arguments: Arguments) -> Selection:
    words = {name: arguments.text(name) for name in ("benchmark", "model", "scenario", "system")}
    return Selection(name=arguments.word.rstrip("/"), valid=arguments.on("valid"), **words)


def _selected(arguments: Arguments, console: RunConsole) -> list[StoredResult]:
    """Return the selected results; warn of damaged files, once each.

    Raises:
        StoredResultError: there are results, and none fulfils the conditions.
    """
    root, selection, damages = artifacts_folder(arguments), _selection(arguments), list[str]()
    results = find_results(root, damages) if root.is_dir() else []
    for damage in not_yet_reported(root / "results", damages):
        console("warned", "result", {"message": damage})
    selected = selection.of(results)
    if results and not selected:
        models = ", ".join(sorted({each.model_name for each in results}))
        raise StoredResultError(selection.words, f"no result in {root} fulfils this", f"the models there are: {models}")
    return selected


def _find(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    results = _selected(arguments, console)
    if not arguments.as_json:
        show_sections([find_section(results) if results else _none(arguments)])
    return {"results": [_document(each) for each in results]}


def _show(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    table = arguments.text("csv")
    if table == "-" and arguments.as_json:
        raise RequestError("--csv=-: the answer in JSON is on standard output; name a file, or leave -j out")
    results = _selected(arguments, console)
    best = [(each, 1) for each in results] if arguments.on("all") else best_of(results)
    shown = [each for each, _ in best]
    published = _published(shown) if arguments.on("published") else []
    document: dict[str, Any] = {"results": [_shown_document(each) for each in shown]}
    if arguments.on("pareto"):
        fronts = _fronts(shown, published)
        document["fronts"] = [{"where": where, **front.to_json()} for where, front in fronts]
        sections = [front_section(where, front) for where, front in fronts]
    else:
        groups = grouped(shown)
        sections = [result_section(group, [p for p in best if p[0] in each]) for group, each in groups.items()]
    if published:
        document["published"] = [asdict(each) for each in published]
        sections += [] if arguments.on("pareto") else published_sections(shown)
    if places := standing_rows(each.measurement for each in shown):
        sections.append(Section("Among published results", places))
    if table:
        text = as_csv(shown, published)
        if table == "-":
            sys.stdout.write(text)
            return document
        path = Path(table).expanduser().absolute()
        replace_text(path, text)
        sections.append(Section(f"{len(shown) + len(published)} results are in {path}"))
    if not arguments.as_json:
        show_sections(sections if shown else [_none(arguments)])
    return document


def _published(shown: Sequence[StoredResult]) -> list[Measurement]:
    """Return the published results of the same benchmarks, models and scenarios; samples have none."""
    real = [each for each in shown if not each.measurement.sample]
    named = {(each.measurement.benchmark, each.model_name, each.measurement.scenario) for each in real}
    names = dict.fromkeys(SHIPPED[benchmark] for benchmark, _, _ in sorted(named) if benchmark in SHIPPED)
    every = (each for name in names for each in shipped_measurements(name))
    return [each for each in every if (each.benchmark, str(each.model["name"].value), each.scenario) in named]


def _fronts(shown: Sequence[StoredResult], published: Sequence[Measurement]) -> list[tuple[str, Front]]:
    """Return the fronts of results that can be compared: here and published, sample and real never in one."""
    here = fronts_of([each.measurement for each in shown], (), strict=False)
    return [("measured here", each) for each in here] + [
        ("published", each) for each in fronts_of(published, (), strict=False)
    ]


def _remove(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    root, selection = artifacts_folder(arguments), _selection(arguments)
    if not selection.words:
        raise RequestError(arguments.command.question)
    if arguments.word and selection == Selection(name=selection.name):
        require_result(root, selection.name)  # a damaged result can still be removed by its name
        names = [selection.name]
    else:
        names = [each.name for each in _selected(arguments, console)]
    if not arguments.as_json:
        show_sections(
            [Section("To be removed" if names else f"{root}: nothing to remove", [(each,) for each in names])]
        )
    if names and not arguments.on("f") and not confirmed(as_json=arguments.as_json):
        return {"removed": [], "error": "nothing was removed; add -f to remove without being asked"}
    removed, problems = [], []
    for name in names:
        try:
            remove_result(root, name)
        except StoredResultError as error:  # noqa: PERF203 - each may fail alone
            problems.append(str(error))
        else:
            removed.append(name)
    return {"removed": removed, **({"error": "; ".join(problems)} if problems else {})}


def _none(arguments: Arguments) -> Section:
    root = artifacts_folder(arguments)
    return Section(f"there are no results in {root}; cm run script --tags=run,mlperf,... makes them")


def _document(result: StoredResult) -> dict[str, Any]:
    return {"result": result.name, "measurement": asdict(result.measurement)}


def _shown_document(result: StoredResult) -> dict[str, Any]:
    standing = standing_of(result.measurement)
    return {**_document(result), "standing": standing.to_json() if standing else None}


_ACTIONS = {"find": _find, "show": _show, "rm": _remove}
