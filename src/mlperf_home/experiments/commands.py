"""The commands `cm run`, `replay`, `find`, `show` and `rm experiment`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.artifact_commands import answer_command
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.studies.experiment import CommandOrigin
from mlperf_home.experiments.arguments import home_of, read_derivations, require_name, root_of
from mlperf_home.experiments.command_table import experiment_command
from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.fronts import fronts_of, read_axes
from mlperf_home.experiments.grid import TrialOutcome, begin_replay, compare_replay, ended_trials, run_grid, trials_of
from mlperf_home.experiments.origin import note_as_own, require_trusted
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
from mlperf_home.measurements.imports.naming import with_one_name
from mlperf_home.measurements.prices import kept_prices, read_prices, with_cost
from scriptgraph.embed import ARTIFACTS, FoundArtifact, Section, confirmed, show_sections
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.studies.picture import Axis
    from mlperf_home.measurements.expression import Expression
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.embed import Arguments, RunConsole

    Measured = Sequence[tuple[Experiment, list[Measurement]]]


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Run `cm ACTION experiment`; ACTION is run, replay, find, show or rm. Return cmind's dictionary."""
    return answer_command(experiment_command(action), command, _ACTIONS[action])


def _run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    name = require_name(arguments)
    if not arguments.rest:
        raise RequestError("no command: write it after --, as in cm run experiment NAME --explore=JSON -- COMMAND")
    values = read_value_options(arguments.text("explore"), arguments.path("explore_file"))
    points = make_trials(values, arguments.rest, name)
    origin = CommandOrigin(command=arguments.rest, values={key: tuple(each) for key, each in values.items()})
    # The variation marks samples before the first measurement exists.
    sample = any("_sample" in word.replace(" ", ",").replace("=", ",").split(",") for word in arguments.rest)
    experiment = Experiments(root_of(arguments)).begin(name, "grid", arguments.tags, origin, sample=sample)
    note_as_own(arguments, experiment)
    if arguments.tags and set(arguments.tags) != set(experiment.tags):
        tags = ",".join(experiment.tags) or "none"
        raise ExperimentError(experiment.folder, f"has other tags ({tags})", "remove --tags, or use another name")
    say = partial(_say, console, experiment.name)
    return _run_answer(experiment, run_grid(experiment, points, say, rerun=arguments.on("rerun")), arguments, console)


def _say(console: RunConsole, name: str, *messages: str, event: str = "said") -> None:
    for message in messages:
        console(event, name, {"message": message})


def _tell(arguments: Arguments, console: RunConsole, name: str, damages: Sequence[str]) -> None:
    """Warn of damages that stay in a file, once."""
    _say(console, name, *Experiments(root_of(arguments)).not_yet_reported(damages), event="warned")


def _run_answer(
    experiment: Experiment, outcomes: Sequence[TrialOutcome], arguments: Arguments, console: RunConsole
) -> dict[str, Any]:
    rows = [(each.trial.words, f"{each.told}{' (before)' if each.kept else ''}") for each in outcomes]
    console("tabled", experiment.name, {"title": f"experiment {experiment.name}", "rows": rows})
    failed = [each for each in outcomes if not each.ok]
    answer: dict[str, Any] = {
        "experiment": str(experiment.folder),
        "points": [{**dict(each.trial.values), "ok": each.ok, "log": each.log} for each in outcomes],
    }
    if failed:
        logs = ", ".join(each.log for each in failed)
        answer["error"] = f"{len(failed)} of {len(outcomes)} points failed; repeat the command to retry them: {logs}"
    elif not arguments.as_json:
        console.text([f"cm show experiment {experiment.name} shows the measurements"])
    return answer


def _replay(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    experiments, name = Experiments(root_of(arguments)), require_name(arguments)
    require_trusted(arguments, experiments.load(name), console.text)
    first, second = begin_replay(experiments, name)
    note_as_own(arguments, second)
    outcomes = run_grid(second, trials_of(second), partial(_say, console, second.name))
    damages = list[str]()
    section = compared_section(f"{first.name} and {second.name}", compare_replay(first, second, outcomes, damages))
    _tell(arguments, console, first.name, damages)
    if not arguments.as_json:
        show_sections([section])
    return {**_run_answer(second, outcomes, arguments, console), "compared": [list(row) for row in section.rows]}


def _find(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    experiments = _chosen(arguments, console)
    counts = {each.name: sum(1 for _ in each.store.lines()) for each in experiments}
    if not arguments.as_json:
        rows = [
            (each.name, each.kind, ",".join(each.tags), str(counts[each.name]), sample_mark(each), each.created)
            for each in experiments
        ]
        header = ("name", "kind", "tags", "measurements", "", "created")
        show_sections([Section(f"{len(rows)} experiments", rows, header if rows else ())])
    found = [{**_description(each), "measurements": counts[each.name]} for each in experiments]
    return {"experiments": found, ARTIFACTS: [FoundArtifact(each["folder"], partial(dict, each)) for each in found]}


def _remove(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    if not arguments.word and not arguments.tags:
        raise RequestError(arguments.command.question)
    # A damaged experiment can still be removed by its name.
    names = [arguments.word] if arguments.word else [each.name for each in _chosen(arguments, console)]
    experiments = Experiments(root_of(arguments))
    for name in names:
        experiments.require(name)
    title = "To be removed, with all measurements" if names else f"nothing to remove: {_none_found(arguments)}"
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
    """Run `cm show experiment`. Raise LocatedError if an experiment, price, metric or expression cannot be used."""
    if arguments.on("pareto") and "sort" in arguments.values:
        raise RequestError("--sort: a front is ordered by its first metric; remove --sort or --pareto")
    derivations = read_derivations(arguments.text("derive"))
    experiments = _read(arguments, console, derivations)
    every = [each for _, measurements in experiments for each in measurements]
    metrics, order = arguments.words("metrics"), arguments.text("sort")
    check_metrics("sort", [order] if order else [], every)
    check_metrics("metrics", [each.partition(":")[0] if arguments.on("pareto") else each for each in metrics], every)
    if arguments.on("pareto"):
        if axes := read_axes(metrics, derivations):
            fronts_of(every, axes)  # raises if no measurement has these metrics
        documents, sections = _with_fronts(experiments, axes)
    else:
        documents, sections = _with_rows(experiments, [*derivations], arguments, console)
    if parquet := arguments.path("parquet"):
        from mlperf_home.measurements.storage.parquet import export_parquet  # noqa: PLC0415 - needs an extra

        sections.append(Section(f"{export_parquet(every, parquet)} measurements are in {parquet}"))
    if not arguments.as_json:
        show_sections(sections or [Section(f"{_none_found(arguments)}; create one by cm run experiment")])
    plain = [
        {"title": each.title, "header": list(each.header), "rows": [list(row) for row in each.rows]}
        for each in sections
    ]
    return {"experiments": documents, "sections": plain, **({"parquet": str(parquet)} if parquet else {})}


def _read(arguments: Arguments, console: RunConsole, derivations: Mapping[str, Expression]) -> Measured:
    """Return each experiment's measurements, with costs and derived metrics."""
    table = arguments.path("prices")
    prices = read_prices(table) if table else kept_prices(home_of(arguments))
    experiments, damages, notes = _chosen(arguments, console), list[str](), list[str]()
    lists = [[*map(with_one_name, each.store.measurements(damages))] for each in experiments]
    _tell(arguments, console, "experiment", damages)
    if prices:
        lists = [[with_cost(each, prices) for each in measurements] for measurements in lists]
    # One call for all: an expression is an error only if no measurement has a value for it.
    flat = iter(add_derived([each for measurements in lists for each in measurements], derivations, notes))
    _say(console, "experiment", *notes, event="warned")
    return [(experiment, [next(flat) for _ in each]) for experiment, each in zip(experiments, lists, strict=True)]


def _with_fronts(experiments: Measured, axes: Sequence[Axis]) -> tuple[list[dict[str, Any]], list[Section]]:
    """Return documents and sections: an exploration's answer if no metrics are chosen, else fronts."""
    documents, sections = [], list[Section]()
    for experiment, measurements in experiments:
        if not axes and (answer := experiment.read_answer()):
            sections += answer_sections(experiment, answer)
            documents.append({**_description(experiment), "answer": encode(answer)})
            continue
        fronts = fronts_of(measurements, axes, strict=not axes)
        sections += [front_section(experiment, each) for each in fronts]
        documents.append({**_description(experiment), "fronts": [each.to_json() for each in fronts]})
    return documents, sections


def _with_rows(
    experiments: Measured, derivations: Sequence[str], arguments: Arguments, console: RunConsole
) -> tuple[list[dict[str, Any]], list[Section]]:
    documents, sections = [], []
    metrics, order = arguments.words("metrics"), arguments.text("sort")
    for experiment, measurements in experiments:
        sections.append(measured_section(experiment, measurements, metrics, order, derivations))
        document = {**_description(experiment), "measurements": [asdict(each) for each in measurements]}
        if experiment.kind == "grid":
            outcomes = ended_trials(experiment, damages := list[str]())
            _tell(arguments, console, experiment.name, damages)
            # Points that failed, or whose command leaves no measurements.
            rows = [(each.trial.words, each.told, each.log) for each in outcomes if not each.measurements]
            if rows:
                sections.append(Section(f"{len(rows)} without a measurement", rows, ("values", "ended", "log")))
            document["points"] = [
                {"values": dict(each.trial.values), "ok": each.ok, "told": each.told, "log": each.log}
                for each in outcomes
            ]
        documents.append(document)
    return documents, sections


def _description(experiment: Experiment) -> dict[str, Any]:
    return {**asdict(experiment), "folder": str(experiment.folder)}


def _chosen(arguments: Arguments, console: RunConsole) -> list[Experiment]:
    """Return the experiment of a name, or those with tags. Raise ExperimentError if a named one cannot be read."""
    experiments = Experiments(root_of(arguments))
    if arguments.word:
        return [experiments.load(arguments.word)]
    chosen = experiments.find(arguments.tags, damages := list[str]())
    _say(console, "experiment", *damages, event="warned")
    return chosen


def _none_found(arguments: Arguments) -> str:
    """Return a sentence that there is no such experiment."""
    return (
        f"no experiment has the tags {','.join(arguments.tags)}"
        if arguments.tags
        else f"there is no experiment in {root_of(arguments)}"
    )


_ACTIONS = {"run": _run, "replay": _replay, "find": _find, "show": _show, "rm": _remove}
