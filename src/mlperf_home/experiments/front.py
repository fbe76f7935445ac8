"""`cm run`, `replay`, `find`, `show` and `rm experiment`: what was typed, to what is done, to what is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.experiments.asking import read_asking, read_derivations
from mlperf_home.experiments.grid import Outcome, ended, run_grid
from mlperf_home.experiments.showing import (
    answer_sections,
    compared_section,
    derived,
    experiment_rows,
    front_section,
    measured_section,
)
from mlperf_home.experiments.values import ValuesError, read_values, trials
from mlperf_home.results.experiments import Experiment, ExperimentError, Experiments
from mlperf_home.results.measurement import from_json
from mlperf_home.results.prices import read_prices, with_cost
from mlperf_home.results.store.lines import identity
from scriptgraph.api import failing_on
from scriptgraph.cache_front import agreed
from scriptgraph.cm_bridge import answer_for
from scriptgraph.errors import RequestError
from scriptgraph.listing import Section, show_sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.experiments.asking import Asking
    from mlperf_home.results.measurement import Measurement
    from scriptgraph.console import RunConsole


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `cm ACTION experiment` asks: ACTION is run, replay, find, show or rm.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; the rest is what came of it.
    """

    def work(console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return _ACTIONS[action](read_asking(action, command), console)

    return answer_for(command, work)


def _run(asked: Asking, console: RunConsole) -> dict[str, Any]:
    if not asked.name:
        raise RequestError("which experiment? write cm run experiment NAME --explore=JSON -- cm run script ...")
    if not asked.words:
        raise RequestError("which command? it stands behind --: cm run experiment NAME --explore=JSON -- COMMAND")
    text, file = asked.texts.get("explore", ""), asked.path("explore_file")
    if bool(text) == bool(file):
        raise RequestError("which values? give one of --explore=JSON and --explore_file=FILE")
    if file:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValuesError(file, f"cannot be read ({error})", "give a file with JSON in it") from None
    values = read_values(text, str(file) if file else "--explore")
    trials(values, asked.words, asked.name)  # before anything is written
    made_by = {"command": list(asked.words), "values": values}
    experiment = Experiments(asked.root).begin(asked.name, "grid", asked.tags, made_by, sample=_is_sample(asked.words))
    outcomes = _run_all(experiment, console, rerun="rerun" in asked.on)
    return _told(experiment, outcomes, asked, console)


def _run_all(experiment: Experiment, console: RunConsole, *, rerun: bool = False) -> list[Outcome]:
    found = trials(experiment.made_by["values"], experiment.made_by["command"], experiment.name)

    def say(message: str) -> None:
        console("said", experiment.name, {"message": message})

    return run_grid(experiment, found, say, rerun=rerun)


def _told(experiment: Experiment, outcomes: Sequence[Outcome], asked: Asking, console: RunConsole) -> dict[str, Any]:
    rows = [
        (", ".join(f"{name}={value}" for name, value in each.trial.values.items()), each.told + _kept(each))
        for each in outcomes
    ]
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


def _kept(outcome: Outcome) -> str:
    return " (before)" if outcome.kept else ""


def _replay(asked: Asking, console: RunConsole) -> dict[str, Any]:
    experiments = Experiments(asked.root)
    first = experiments.load(asked.name)
    if first.kind != "grid":
        what = f"is of kind {first.kind}, which has no command to run again"
        raise ExperimentError(first.folder, what, "an exploration goes on or begins anew by its own command")
    taken = {each.name for each in experiments.find(())}
    number = next(each for each in range(1, len(taken) + 2) if f"{first.name}-replay-{each}" not in taken)
    second = experiments.begin(
        f"{first.name}-replay-{number}", "grid", first.tags, dict(first.made_by), sample=first.sample
    )
    outcomes = _run_all(second, console)
    then = {each.trial.key: each for each in ended(first, [each.trial for each in outcomes])}
    before, now = _by_id(first), _by_id(second)
    pairs = []
    for outcome in outcomes:
        words = ", ".join(f"{name}={value}" for name, value in outcome.trial.values.items())
        ids = then[outcome.trial.key].measurements if outcome.trial.key in then else ()
        pairs += [
            (words, before[one], now[other])
            for one, other in zip(ids, outcome.measurements, strict=False)
            if one in before and other in now
        ]
    section = compared_section(f"{first.name} and {second.name}", pairs)
    if not asked.as_json:
        show_sections([section])
    return {**_told(second, outcomes, asked, console), "compared": [list(row) for row in section.rows]}


def _by_id(experiment: Experiment) -> dict[str, Measurement]:
    return {identity(line): from_json(line) for _, line in experiment.store.lines()}


def _find(asked: Asking, console: RunConsole) -> dict[str, Any]:
    found = _chosen(asked, console)
    counts = {each.name: sum(1 for _ in each.store.lines()) for each in found}
    if not asked.as_json:
        show_sections([experiment_rows(found, counts)])
    told = [{**asdict(each), "folder": str(each.folder), "measurements": counts[each.name]} for each in found]
    return {"experiments": told}


def _show(asked: Asking, console: RunConsole) -> dict[str, Any]:
    wanted = read_derivations(asked.texts.get("derive", ""))
    table = asked.path("prices") or asked.home / "prices.json"
    prices = read_prices(table) if asked.texts.get("prices") or table.is_file() else None
    metrics, sections = asked.listed("metrics"), []
    every: list[Measurement] = []
    for experiment in _chosen(asked, console):
        damages: list[str] = []
        measured = list(experiment.store.measurements(damages))
        for damage in damages:
            console("warned", experiment.name, {"message": damage})
        measured = derived([with_cost(each, prices) if prices else each for each in measured], wanted)
        every += measured
        if "pareto" in asked.on and experiment.answer.is_file():
            sections += answer_sections(experiment)
        elif "pareto" in asked.on:
            sections.append(front_section(experiment, measured, metrics))
        else:
            sections.append(measured_section(experiment, measured, metrics, asked.texts.get("sort", "")))
    told: dict[str, Any] = {"sections": [_plain(section) for section in sections]}
    if parquet := asked.path("parquet"):
        from mlperf_home.results.store.parquet import export_parquet  # noqa: PLC0415 - needs an extra

        export_parquet(every, parquet)
        told["parquet"] = str(parquet)
    if not asked.as_json:
        show_sections(sections or [Section("no experiment yet; cm run experiment makes one")])
    return told


def _plain(section: Section) -> dict[str, Any]:
    return {"title": section.title, "header": list(section.header), "rows": [list(row) for row in section.rows]}


def _remove(asked: Asking, console: RunConsole) -> dict[str, Any]:
    if not asked.name and not asked.tags:
        raise RequestError("which experiment? write cm rm experiment NAME, or --tags=TAG,TAG")
    found = _chosen(asked, console)
    names = [each.name for each in found]
    if not asked.as_json:
        show_sections([Section("To be removed, with all that they measured", [(name,) for name in names])])
    if found and not asked.on & {"f", "force"} and not agreed(as_json=asked.as_json):
        return {"removed": [], "error": "nothing was removed; add -f to remove without being asked"}
    for name in names:
        Experiments(asked.root).remove(name)
    return {"removed": names}


def _chosen(asked: Asking, console: RunConsole) -> list[Experiment]:
    experiments = Experiments(asked.root)
    if asked.name:
        return [experiments.load(asked.name)]
    damages: list[str] = []
    found = experiments.find(asked.tags, damages)
    for damage in damages:
        console("warned", "experiment", {"message": damage})
    return found


def _is_sample(words: Sequence[str]) -> bool:
    """Say whether a command asks for a sample; what it measured says so for itself besides."""
    return any("_sample" in word.replace(" ", ",").replace("=", ",").split(",") for word in words)


_ACTIONS = {"run": _run, "replay": _replay, "find": _find, "show": _show, "rm": _remove}
