"""`cm run`, `replay`, `find`, `show` and `rm experiment`: what was typed, to what is done, to what is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.experiments.arguments import read_asking
from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.grid import Outcome, begin_replay, compared, run_grid, trials_of
from mlperf_home.experiments.show import chosen, look, noun, warn
from mlperf_home.experiments.tables import compared_section, experiment_rows
from mlperf_home.experiments.values import read_given, trials
from mlperf_home.product import ENGINE
from scriptgraph.embed import Section, agreed, failing_on, show_sections
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.experiments.arguments import Asking
    from scriptgraph.embed import RunConsole


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
    values = read_given(asked.texts.get("explore", ""), asked.path("explore_file"))
    trials(values, asked.words, asked.name)  # before anything is written
    made_by = {"command": list(asked.words), "values": values}
    experiment = Experiments(asked.root).begin(asked.name, "grid", asked.tags, made_by, sample=_is_sample(asked.words))
    if asked.tags and set(asked.tags) != set(experiment.tags):
        has = ",".join(experiment.tags) or "none"
        raise ExperimentError(experiment.folder, f"has other tags ({has})", "leave --tags out, or give another name")
    return _told(experiment, _run_all(experiment, console, rerun="rerun" in asked.on), asked, console)


def _run_all(experiment: Experiment, console: RunConsole, *, rerun: bool = False) -> list[Outcome]:
    def say(message: str) -> None:
        console("said", experiment.name, {"message": message})

    return run_grid(experiment, trials_of(experiment), say, rerun=rerun)


def _told(experiment: Experiment, outcomes: Sequence[Outcome], asked: Asking, console: RunConsole) -> dict[str, Any]:
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
    outcomes = _run_all(second, console)
    section = compared_section(
        f"{first.name} and {second.name}", compared(first, second, outcomes, damages := list[str]())
    )
    warn(console, first.name, damages)
    if not asked.as_json:
        show_sections([section])
    return {**_told(second, outcomes, asked, console), "compared": [list(row) for row in section.rows]}


def _find(asked: Asking, console: RunConsole) -> dict[str, Any]:
    found = chosen(asked, console)
    counts = {each.name: sum(1 for _ in each.store.lines()) for each in found}
    if not asked.as_json:
        show_sections([experiment_rows(found, counts)])
    told = [{**asdict(each), "folder": str(each.folder), "measurements": counts[each.name]} for each in found]
    return {"experiments": told}


def _remove(asked: Asking, console: RunConsole) -> dict[str, Any]:
    if not asked.name and not asked.tags:
        raise RequestError("which experiment? write cm rm experiment NAME, or --tags=TAG,TAG")
    # By its name, a damaged one can be removed as well.
    names = [asked.name] if asked.name else [each.name for each in chosen(asked, console)]
    experiments = Experiments(asked.root)
    for name in names:
        experiments.require(name)
    title = "To be removed, with all that they measured" if names else f"nothing to remove: {noun(asked)}"
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


def _is_sample(words: Sequence[str]) -> bool:
    """Whether a command asks for a sample; what it measured says so for itself besides."""
    return any("_sample" in word.replace(" ", ",").replace("=", ",").split(",") for word in words)


_ACTIONS = {"run": _run, "replay": _replay, "find": _find, "show": look, "rm": _remove}
