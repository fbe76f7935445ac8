"""`cm show experiment`: what was measured, its fronts, an exploration's answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.experiments.arguments import read_derivations
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.experiments.fronts import fronts_of, read_axes
from mlperf_home.experiments.grid import ended
from mlperf_home.experiments.tables import (
    answer_sections,
    check_metrics,
    derived,
    front_section,
    measured_section,
    outcomes_section,
)
from mlperf_home.measurements.prices import kept_prices, read_prices, with_cost
from scriptgraph.embed import Section, show_sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.experiments.arguments import Asking
    from mlperf_home.experiments.fronts import Front
    from mlperf_home.measurements.expression import Expression
    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.pictures.picture import Axis
    from scriptgraph.embed import RunConsole

    Found = Sequence[tuple[Experiment, list[Measurement]]]


def look(asked: Asking, console: RunConsole) -> dict[str, Any]:
    """Do `cm show experiment`. Raise LocatedError if an experiment, price, metric or expression cannot be used."""
    derivations = read_derivations(asked.texts.get("derive", ""))
    found = _read(asked, console, derivations)
    every = [each for _, measured in found for each in measured]
    metrics, order = asked.listed("metrics"), asked.texts.get("sort", "")
    check_metrics("sort", [order] if order else [], every)
    check_metrics("metrics", [each.partition(":")[0] if "pareto" in asked.on else each for each in metrics], every)
    if "pareto" in asked.on:
        if axes := read_axes(metrics, derivations):
            fronts_of(every, axes)  # which says so where nothing at all has them
        told, sections = _with_fronts(found, axes)
    else:
        told, sections = _with_rows(found, [*metrics], [*derivations], order, console)
    if parquet := asked.path("parquet"):
        from mlperf_home.measurements.index import export_parquet  # noqa: PLC0415 - needs an extra

        sections.append(Section(f"{export_parquet(every, parquet)} measurements are in {parquet}"))
    if not asked.as_json:
        show_sections(sections or [Section(f"{noun(asked)}; cm run experiment makes one")])
    answer = {"experiments": told, "sections": [_plain(section) for section in sections]}
    return {**answer, "parquet": str(parquet)} if parquet else answer


def _read(asked: Asking, console: RunConsole, derivations: Mapping[str, Expression]) -> Found:
    """Return each experiment's measurements, with what they cost and with derived metrics."""
    table = asked.path("prices")
    prices = read_prices(table) if table else kept_prices(asked.home)
    experiments, notes = chosen(asked, console), list[str]()
    lists = [[*each.store.measurements(notes)] for each in experiments]
    if prices:
        lists = [[with_cost(one, prices) for one in each] for each in lists]
    # All at once: an expression is wrong only if it has a value for none of them.
    flat = iter(derived([one for each in lists for one in each], derivations, notes))
    warn(console, "experiment", notes)
    return [(experiment, [next(flat) for _ in each]) for experiment, each in zip(experiments, lists, strict=True)]


def _with_fronts(found: Found, axes: Sequence[Axis]) -> tuple[list[dict[str, Any]], list[Section]]:
    """Show an exploration's answer, unless metrics are asked for, and the fronts of everything else."""
    told, sections = [], list[Section]()
    for experiment, measured in found:
        if experiment.answer.is_file() and not axes:
            sections += answer_sections(experiment)
            told.append({**_about(experiment), "answer": json.loads(experiment.answer.read_text("utf-8"))})
            continue
        fronts = fronts_of(measured, axes, strict=not axes)
        sections += [front_section(experiment, each) for each in fronts]
        told.append({**_about(experiment), "fronts": [_front(each) for each in fronts]})
    return told, sections


def _front(found: Front) -> dict[str, Any]:
    return {
        "benchmark": found.benchmark,
        "scenario": found.scenario,
        "metrics": [{"name": each.name, "direction": each.direction} for each in found.axes],
        "compared": found.compared,
        "invalid": found.invalid,
        "lacking": found.lacking,
        "front": [asdict(each) for each in found.members],
    }


def _with_rows(
    found: Found, metrics: Sequence[str], derivations: Sequence[str], order: str, console: RunConsole
) -> tuple[list[dict[str, Any]], list[Section]]:
    told, sections = [], []
    for experiment, measured in found:
        sections.append(measured_section(experiment, measured, metrics, order, derivations))
        document = {**_about(experiment), "measurements": [asdict(each) for each in measured]}
        if experiment.kind == "grid":
            outcomes = ended(experiment, damages := list[str]())
            warn(console, experiment.name, damages)
            if any(not each.measurements for each in outcomes):
                sections.append(outcomes_section(outcomes))
            document["points"] = [
                {"values": dict(each.trial.values), "ok": each.ok, "told": each.told, "log": each.log}
                for each in outcomes
            ]
        told.append(document)
    return told, sections


def _about(experiment: Experiment) -> dict[str, Any]:
    return {**asdict(experiment), "folder": str(experiment.folder)}


def _plain(section: Section) -> dict[str, Any]:
    return {"title": section.title, "header": list(section.header), "rows": [list(row) for row in section.rows]}


def chosen(asked: Asking, console: RunConsole) -> list[Experiment]:
    """Find an experiment by name, or those with tags. Raise ExperimentError if the named one is absent or damaged."""
    experiments = Experiments(asked.root)
    if asked.name:
        return [experiments.load(asked.name)]
    found = experiments.find(asked.tags, damages := list[str]())
    warn(console, "experiment", damages)
    return found


def warn(console: RunConsole, of: str, messages: Sequence[str]) -> None:
    """Tell the user of damages and the like."""
    for message in messages:
        console("warned", of, {"message": message})


def noun(asked: Asking) -> str:
    """Return a sentence: there is no such experiment."""
    return f"no experiment has the tags {','.join(asked.tags)}" if asked.tags else f"no experiment yet in {asked.root}"
