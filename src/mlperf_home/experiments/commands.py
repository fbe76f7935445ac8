"""`cm run`, `replay`, `find`, `show` and `rm experiment`: what was typed, to what is done, to what is told."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.answer import read_answer
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.experiment import CommandOrigin
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.arguments import home_of, read_derivations, require_name, root_of
from mlperf_home.experiments.command_table import experiment_command
from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.fronts import fronts_of, read_axes
from mlperf_home.experiments.grid import Outcome, begin_replay, compared, ended, run_grid, trials_of
from mlperf_home.experiments.tables import (
    answer_sections,
    check_metrics,
    compared_section,
    derived,
    front_section,
    mark,
    measured_section,
)
from mlperf_home.experiments.values import read_given, trials
from mlperf_home.measurements.prices import kept_prices, read_prices, with_cost
from mlperf_home.product import ENGINE
from scriptgraph.embed import Section, confirmed, failing_on, show_sections
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.picture import Axis
    from mlperf_home.measurements.expression import Expression
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.embed import Arguments, RunConsole

    Found = Sequence[tuple[Experiment, list[Measurement]]]


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `cm ACTION experiment` asks: ACTION is run, replay, find, show or rm.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; the rest is what came of it.
    """

    def work(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return _ACTIONS[action](arguments, console)

    return ENGINE.answer(experiment_command(action), command, work)


def _run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    name = require_name(arguments)
    if not arguments.rest:
        raise RequestError("which command? it stands behind --: cm run experiment NAME --explore=JSON -- COMMAND")
    values = read_given(arguments.text("explore"), arguments.path("explore_file"))
    points = trials(values, arguments.rest, name)
    made_by = CommandOrigin(command=arguments.rest, values={key: tuple(each) for key, each in values.items()})
    # What it measured says so for itself besides.
    sample = any("_sample" in word.replace(" ", ",").replace("=", ",").split(",") for word in arguments.rest)
    experiment = Experiments(root_of(arguments)).begin(name, "grid", arguments.tags, made_by, sample=sample)
    if arguments.tags and set(arguments.tags) != set(experiment.tags):
        has = ",".join(experiment.tags) or "none"
        raise ExperimentError(experiment.folder, f"has other tags ({has})", "leave --tags out, or give another name")
    say = partial(_say, console, experiment.name)
    return _told(experiment, run_grid(experiment, points, say, rerun=arguments.on("rerun")), arguments, console)


def _say(console: RunConsole, of: str, *messages: str, event: str = "said") -> None:
    for message in messages:
        console(event, of, {"message": message})


def _told(
    experiment: Experiment, outcomes: Sequence[Outcome], arguments: Arguments, console: RunConsole
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
    elif not arguments.as_json:
        console.text([f"cm show experiment {experiment.name} shows what was measured"])
    return told


def _replay(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    first, second = begin_replay(Experiments(root_of(arguments)), require_name(arguments))
    outcomes = run_grid(second, trials_of(second), partial(_say, console, second.name))
    damages = list[str]()
    section = compared_section(f"{first.name} and {second.name}", compared(first, second, outcomes, damages))
    _say(console, first.name, *damages, event="warned")
    if not arguments.as_json:
        show_sections([section])
    return {**_told(second, outcomes, arguments, console), "compared": [list(row) for row in section.rows]}


def _find(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    found = _chosen(arguments, console)
    counts = {each.name: sum(1 for _ in each.store.lines()) for each in found}
    if not arguments.as_json:
        rows = [
            (each.name, each.kind, ",".join(each.tags), str(counts[each.name]), mark(each), each.created)
            for each in found
        ]
        header = ("name", "kind", "tags", "measurements", "", "created")
        show_sections([Section(f"{len(rows)} experiments", rows, header if rows else ())])
    return {"experiments": [{**_about(each), "measurements": counts[each.name]} for each in found]}


def _remove(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    if not arguments.word and not arguments.tags:
        raise RequestError(arguments.command.question)
    # By its name, a damaged one can be removed as well.
    names = [arguments.word] if arguments.word else [each.name for each in _chosen(arguments, console)]
    experiments = Experiments(root_of(arguments))
    for name in names:
        experiments.require(name)
    title = "To be removed, with all that they measured" if names else f"nothing to remove: {_noun(arguments)}"
    if not arguments.as_json:
        show_sections([Section(title, [(name,) for name in names])])
    if names and not arguments.on("f") and not confirmed(as_json=arguments.as_json):
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


def _show(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    """Do `cm show experiment`. Raise LocatedError if an experiment, price, metric or expression cannot be used."""
    if arguments.on("pareto") and "sort" in arguments.values:
        raise RequestError("--sort: a front is in the order of its first metric; give --sort or --pareto")
    derivations = read_derivations(arguments.text("derive"))
    found = _read(arguments, console, derivations)
    every = [each for _, measured in found for each in measured]
    metrics, order = arguments.words("metrics"), arguments.text("sort")
    check_metrics("sort", [order] if order else [], every)
    check_metrics("metrics", [each.partition(":")[0] if arguments.on("pareto") else each for each in metrics], every)
    if arguments.on("pareto"):
        if axes := read_axes(metrics, derivations):
            fronts_of(every, axes)  # which says so where nothing at all has them
        told, sections = _with_fronts(found, axes)
    else:
        told, sections = _with_rows(found, [*metrics], [*derivations], order, console)
    if parquet := arguments.path("parquet"):
        from mlperf_home.measurements.index import export_parquet  # noqa: PLC0415 - needs an extra

        sections.append(Section(f"{export_parquet(every, parquet)} measurements are in {parquet}"))
    if not arguments.as_json:
        show_sections(sections or [Section(f"{_noun(arguments)}; cm run experiment makes one")])
    plain = [
        {"title": each.title, "header": list(each.header), "rows": [list(row) for row in each.rows]}
        for each in sections
    ]
    return {"experiments": told, "sections": plain, **({"parquet": str(parquet)} if parquet else {})}


def _read(arguments: Arguments, console: RunConsole, derivations: Mapping[str, Expression]) -> Found:
    """Return each experiment's measurements, with what they cost and with derived metrics."""
    table = arguments.path("prices")
    prices = read_prices(table) if table else kept_prices(home_of(arguments))
    experiments, notes = _chosen(arguments, console), list[str]()
    lists = [[*each.store.measurements(notes)] for each in experiments]
    if prices:
        lists = [[with_cost(one, prices) for one in each] for each in lists]
    # All at once: an expression is wrong only if it has a value for none of them.
    flat = iter(derived([one for each in lists for one in each], derivations, notes))
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
            outcomes = ended(experiment, damages := list[str]())
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


def _chosen(arguments: Arguments, console: RunConsole) -> list[Experiment]:
    """Find an experiment by name, or those with tags. Raise ExperimentError if the named one is absent or damaged."""
    experiments = Experiments(root_of(arguments))
    if arguments.word:
        return [experiments.load(arguments.word)]
    found = experiments.find(arguments.tags, damages := list[str]())
    _say(console, "experiment", *damages, event="warned")
    return found


def _noun(arguments: Arguments) -> str:
    """Return a sentence: there is no such experiment."""
    return (
        f"no experiment has the tags {','.join(arguments.tags)}"
        if arguments.tags
        else f"no experiment yet in {root_of(arguments)}"
    )


_ACTIONS = {"run": _run, "replay": _replay, "find": _find, "show": _show, "rm": _remove}
