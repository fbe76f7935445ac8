"""`cm run`, `replay`, `find`, `show` and `rm experiment`: what was typed, to what is done, to what is told."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.answer import read_answer
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.experiment import CommandOrigin
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.arguments import read_asking, read_derivations
from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.fronts import fronts_of, read_axes
from mlperf_home.experiments.grid import TrialOutcome, begin_replay, compare_replay, ended_trials, run_grid, trials_of
from mlperf_home.experiments.tables import (
    add_derived,
    answer_sections,
    check_metrics,
    compared_section,
    front_section,
    measured_section,
    sample_mark,
)
from mlperf_home.experiments.values import make_trials, read_value_options
from mlperf_home.measurements.prices import kept_prices, read_prices, with_cost
from mlperf_home.product import ENGINE
from scriptgraph.embed import Section, agreed, failing_on, show_sections
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.picture import Axis
    from mlperf_home.experiments.arguments import Asking
    from mlperf_home.measurements.expression import Expression
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.embed import RunConsole

    Found = Sequence[tuple[Experiment, list[Measurement]]]


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `cm ACTION experiment` asks: ACTION is run, replay, find, show or rm.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; the rest is what came of it.
    """

    def work(console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return _ACTIONS[action](read_asking(action, command), console)

    return ENGINE.answer(command, work)


def _run(asked: Asking, console: RunConsole) -> dict[str, Any]:
    if not asked.name:
        raise RequestError("which experiment? write cm run experiment NAME --explore=JSON -- cm run script ...")
    if not asked.words:
        raise RequestError("which command? it stands behind --: cm run experiment NAME --explore=JSON -- COMMAND")
    values = read_value_options(asked.texts.get("explore", ""), asked.path("explore_file"))
    points = make_trials(values, asked.words, asked.name)
    made_by = CommandOrigin(command=asked.words, values={name: tuple(each) for name, each in values.items()})
    # What it measured says so for itself besides.
    sample = any("_sample" in word.replace(" ", ",").replace("=", ",").split(",") for word in asked.words)
    experiment = Experiments(asked.root).begin(asked.name, "grid", asked.tags, made_by, sample=sample)
    if asked.tags and set(asked.tags) != set(experiment.tags):
        has = ",".join(experiment.tags) or "none"
        raise ExperimentError(experiment.folder, f"has other tags ({has})", "leave --tags out, or give another name")
    say = partial(_say, console, experiment.name)
    return _told(experiment, run_grid(experiment, points, say, rerun="rerun" in asked.on), asked, console)


def _say(console: RunConsole, of: str, *messages: str, event: str = "said") -> None:
    for message in messages:
        console(event, of, {"message": message})


def _told(
    experiment: Experiment, outcomes: Sequence[TrialOutcome], asked: Asking, console: RunConsole
) -> dict[str, Any]:
    rows = [(each.trial.words, f"{each.told}{' (before)' if each.kept else ''}") for each in outcomes]
    console("tabled", experiment.name, {"title": f"experiment {experiment.name}", "rows": rows})
    failed = [each for each in outcomes if not each.ok]
    told: dict[str, Any] = {
        "experiment": str(experiment.folder),
        "points": [{**dict(each.trial.values), "ok": each.ok, "log": each.log} for each in outcomes],
    }
    if failed:
        logs = ", ".join(each.log for each in failed)
        told["error"] = f"{len(failed)} of {len(outcomes)} points failed; the same command tries them again: {logs}"
    elif not asked.as_json:
        console.text([f"cm show experiment {experiment.name} shows what was measured"])
    return told


def _replay(asked: Asking, console: RunConsole) -> dict[str, Any]:
    if not asked.name:
        raise RequestError("which experiment? write cm replay experiment NAME")
    first, second = begin_replay(Experiments(asked.root), asked.name)
    outcomes = run_grid(second, trials_of(second), partial(_say, console, second.name))
    damages = list[str]()
    section = compared_section(f"{first.name} and {second.name}", compare_replay(first, second, outcomes, damages))
    _say(console, first.name, *damages, event="warned")
    if not asked.as_json:
        show_sections([section])
    return {**_told(second, outcomes, asked, console), "compared": [list(row) for row in section.rows]}


def _find(asked: Asking, console: RunConsole) -> dict[str, Any]:
    found = _chosen(asked, console)
    counts = {each.name: sum(1 for _ in each.store.lines()) for each in found}
    if not asked.as_json:
        rows = [
            (each.name, each.kind, ",".join(each.tags), str(counts[each.name]), sample_mark(each), each.created)
            for each in found
        ]
        header = ("name", "kind", "tags", "measurements", "", "created")
        show_sections([Section(f"{len(rows)} experiments", rows, header if rows else ())])
    return {"experiments": [{**_about(each), "measurements": counts[each.name]} for each in found]}


def _remove(asked: Asking, console: RunConsole) -> dict[str, Any]:
    if not asked.name and not asked.tags:
        raise RequestError("which experiment? write cm rm experiment NAME, or --tags=TAG,TAG")
    # By its name, a damaged one can be removed as well.
    names = [asked.name] if asked.name else [each.name for each in _chosen(asked, console)]
    experiments = Experiments(asked.root)
    for name in names:
        experiments.require(name)
    title = "To be removed, with all that they measured" if names else f"nothing to remove: {_noun(asked)}"
    if not asked.as_json:
        show_sections([Section(title, [(name,) for name in names])])
    if names and not asked.on & {"f", "force"} and not agreed(as_json=asked.as_json):
        return {"removed": [], "error": "nothing was removed; add -f to remove without being asked"}
    removed, problems = [], []
    for name in names:
        try:
            experiments.remove(name)
        except ExperimentError as error:  # noqa: PERF203 - each may fail alone
            problems.append(str(error))
        else:
            removed.append(name)
    return {"removed": removed, **({"error": "; ".join(problems)} if problems else {})}


def _show(asked: Asking, console: RunConsole) -> dict[str, Any]:
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
        show_sections(sections or [Section(f"{_noun(asked)}; cm run experiment makes one")])
    plain = [
        {"title": each.title, "header": list(each.header), "rows": [list(row) for row in each.rows]}
        for each in sections
    ]
    return {"experiments": told, "sections": plain, **({"parquet": str(parquet)} if parquet else {})}


def _read(asked: Asking, console: RunConsole, derivations: Mapping[str, Expression]) -> Found:
    """Return each experiment's measurements, with what they cost and with derived metrics."""
    table = asked.path("prices")
    prices = read_prices(table) if table else kept_prices(asked.home)
    experiments, notes = _chosen(asked, console), list[str]()
    lists = [[*each.store.measurements(notes)] for each in experiments]
    if prices:
        lists = [[with_cost(one, prices) for one in each] for each in lists]
    # All at once: an expression is wrong only if it has a value for none of them.
    flat = iter(add_derived([one for each in lists for one in each], derivations, notes))
    _say(console, "experiment", *notes, event="warned")
    return [(experiment, [next(flat) for _ in each]) for experiment, each in zip(experiments, lists, strict=True)]


def _with_fronts(found: Found, axes: Sequence[Axis]) -> tuple[list[dict[str, Any]], list[Section]]:
    """Show an exploration's answer, unless metrics are asked for, and the fronts of everything else."""
    told, sections = [], list[Section]()
    for experiment, measured in found:
        if experiment.answer.is_file() and not axes:
            sections += answer_sections(experiment)
            told.append({**_about(experiment), "answer": encode(read_answer(experiment.answer))})
            continue
        fronts = fronts_of(measured, axes, strict=not axes)
        sections += [front_section(experiment, each) for each in fronts]
        told.append({**_about(experiment), "fronts": [each.to_json() for each in fronts]})
    return told, sections


def _with_rows(
    found: Found, metrics: Sequence[str], derivations: Sequence[str], order: str, console: RunConsole
) -> tuple[list[dict[str, Any]], list[Section]]:
    told, sections = [], []
    for experiment, measured in found:
        sections.append(measured_section(experiment, measured, metrics, order, derivations))
        document = {**_about(experiment), "measurements": [asdict(each) for each in measured]}
        if experiment.kind == "grid":
            outcomes = ended_trials(experiment, damages := list[str]())
            _say(console, experiment.name, *damages, event="warned")
            # They failed, or their command is none of ours.
            rows = [(each.trial.words, each.told, each.log) for each in outcomes if not each.measurements]
            if rows:
                sections.append(Section(f"{len(rows)} without a measurement", rows, ("values", "ended", "log")))
            document["points"] = [
                {"values": dict(each.trial.values), "ok": each.ok, "told": each.told, "log": each.log}
                for each in outcomes
            ]
        told.append(document)
    return told, sections


def _about(experiment: Experiment) -> dict[str, Any]:
    return {**asdict(experiment), "folder": str(experiment.folder)}


def _chosen(asked: Asking, console: RunConsole) -> list[Experiment]:
    """Find an experiment by name, or those with tags. Raise ExperimentError if the named one is absent or damaged."""
    experiments = Experiments(asked.root)
    if asked.name:
        return [experiments.load(asked.name)]
    found = experiments.find(asked.tags, damages := list[str]())
    _say(console, "experiment", *damages, event="warned")
    return found


def _noun(asked: Asking) -> str:
    """Return a sentence: there is no such experiment."""
    return f"no experiment has the tags {','.join(asked.tags)}" if asked.tags else f"no experiment yet in {asked.root}"


_ACTIONS = {"run": _run, "replay": _replay, "find": _find, "show": _show, "rm": _remove}
