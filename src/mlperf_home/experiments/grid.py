"""Grids: run a command once for each combination of values, resume after failures, and replay all of it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.records import RECORD_LIMITS, RunExports
from mlperf_home.contracts.codec import decode, parse_document, read_document
from mlperf_home.contracts.studies.command_answer import ANSWER_LIMITS, CommandAnswer
from mlperf_home.contracts.studies.experiment import CommandOrigin
from mlperf_home.contracts.studies.journal import TrialEnd
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.values import make_trials
from mlperf_home.exploration.definition.journal import Journal, read_observations
from mlperf_home.measurements.measurement import Measurement, MeasurementError, Value, read_measurement
from mlperf_home.measurements.storage.store import identity, to_line
from mlperf_home.product import PRODUCT
from scriptgraph.embed import ProcessFailed, describe_end, run
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.experiments.experiment import Experiment, Experiments
    from mlperf_home.experiments.values import Trial

_CM_COMMANDS = {"cm", "cmr", PRODUCT.name}
_MEASUREMENT_KEY = "CM_MLPERF_MEASUREMENT_PATH"
_LAST_LINES = 5


@dataclass(frozen=True)
class TrialOutcome:
    """A trial with its end.

    Attributes:
        ok: whether the exit status was 0.
        told: the result, for people.
        log: the file with the command's output.
        measurements: ids in the experiment's store.
        kept: whether the trial succeeded in an earlier run, and was not repeated.
    """

    trial: Trial
    ok: bool
    told: str
    log: str
    measurements: tuple[str, ...]
    kept: bool


@dataclass(frozen=True)
class TrialComparison:
    """A trial that was run twice: its values, both results for people, and its measurements in pairs."""

    words: str
    then: str
    now: str
    pairs: tuple[tuple[Measurement, Measurement], ...]


def run_grid(
    experiment: Experiment, trials: Sequence[Trial], say: Callable[[str], None], *, rerun: bool = False
) -> list[TrialOutcome]:
    """Run the trials that have not succeeded yet, one after another; a failure does not stop the others.

    Raises:
        JournalError: another process runs this experiment, or the journal belongs to another experiment.
        StoreError: measurements cannot be written.
    """
    outcomes = []
    with Journal(experiment.journal, {"made_by": experiment.made_by}) as journal:
        for damage in journal.damages:
            say(damage)
        for trial in trials:
            end = journal.find(trial.key, TrialEnd)
            kept = bool(end and end.ok) and not rerun
            if end is None or not kept:
                say(f"{trial.number} of {len(trials)}: {trial.words}")
                end = _run(experiment, trial)
                journal.add(trial.key, end)
                say(f"{trial.number} of {len(trials)}: {end.told}")
            outcomes.append(_outcome(trial, end, kept=kept))
    return outcomes


def ended_trials(experiment: Experiment, damages: list[str]) -> list[TrialOutcome]:
    """Return the ended trials of a grid; another process may be running the others.

    `damages` takes a sentence for each line of the journal that cannot be read.
    """
    known = read_observations(experiment.journal, TrialEnd, damages)
    return [_outcome(each, known[each.key], kept=True) for each in trials_of(experiment) if each.key in known]


def trials_of(experiment: Experiment) -> list[Trial]:
    """Return the trials of an experiment. Raise ExperimentError if its description has no command."""
    try:
        origin = decode(experiment.made_by, CommandOrigin, experiment.folder)
    except DocumentError as error:
        advice = f"remove it with cm rm experiment {experiment.name}"
        problem = f"has no command in its description ({error.fault})"
        raise ExperimentError(experiment.folder, problem, advice) from None
    return make_trials(origin.values, origin.command, experiment.name)


def _outcome(trial: Trial, end: TrialEnd, *, kept: bool) -> TrialOutcome:
    return TrialOutcome(trial, end.ok, end.told, end.log, end.measurements, kept)


def _run(experiment: Experiment, trial: Trial) -> TrialEnd:
    """Run a trial, and add its measurements to the experiment."""
    log = experiment.folder / "logs" / f"{trial.number}.log"
    log.unlink(missing_ok=True)
    lines: list[str] = []
    unreadable: list[str] = []
    start_ns = time.monotonic_ns()
    try:
        completed = run(_command(trial.argv), env=os.environ, cwd=Path.cwd(), log=log, on_line=lines.append)
        ok, answer = completed.ok, _answer(lines)
        last = [" ".join(answer.error.split())] if answer.error else completed.last_lines[-_LAST_LINES:]
        problem = " | ".join([describe_end(completed.exit_code, completed.signal), *last])
    except ProcessFailed as error:
        ok, problem = False, str(error)
    seconds = (time.monotonic_ns() - start_ns) / 1e9
    measurements = _read_measurements(answer.record, trial, unreadable) if ok else []
    store = experiment.store
    store.append(measurements)
    unreadable += store.damages
    ids = tuple(identity(to_line(each)) for each in measurements)
    result = "; ".join([f"done in {seconds:.1f} s, {len(ids)} measured", *unreadable]) if ok else f"failed: {problem}"
    return TrialEnd(ok=ok, told=result, argv=trial.argv, log=str(log), measurements=ids, seconds=seconds)


def _command(argv: Sequence[str]) -> list[str]:
    """Return the words to run: `cm` is the one beside this Python, and answers in JSON."""
    if Path(argv[0]).name not in _CM_COMMANDS:
        return list(argv)
    beside = Path(sys.executable).with_name(Path(argv[0]).name)
    program = str(beside) if argv[0] in _CM_COMMANDS and beside.is_file() else shutil.which(argv[0]) or argv[0]
    has_json = any(word in {"-j", "--out=json", "--json"} for word in argv)
    return [program, *argv[1:], *([] if has_json else ["--out=json"])]


def _read_measurements(record: Path | None, trial: Trial, unreadable: list[str]) -> list[Measurement]:
    """Return the measurements in the record of a command; `unreadable` takes errors."""
    explored = {name: value for name, value in trial.values.items() if value != ""}
    values = {f"explored_{name}": Value(value, "copied", "--explore") for name, value in explored.items()}
    if record is None:
        return []  # not cm's, or a command without a record
    try:
        steps = read_document(record, RunExports, RECORD_LIMITS).steps
    except DocumentError as error:
        unreadable.append(str(error))
        return []
    paths = [str(path) for step in steps if (path := step.exports.get(_MEASUREMENT_KEY))]
    measurements = []
    for path in map(Path, dict.fromkeys(paths)):
        try:
            measurement = read_measurement(path)
        except MeasurementError as error:  # noqa: PERF203 - each may fail alone
            unreadable.append(str(error))
        else:
            measurements.append(replace(measurement, values={**measurement.values, **values}))
    return measurements


def _answer(lines: Sequence[str]) -> CommandAnswer:
    """Return the last JSON object that a command has printed; an empty answer if there is none."""
    for start in reversed([place for place, line in enumerate(lines) if line == "{"]):
        try:
            return parse_document("\n".join(lines[start:]), CommandAnswer, "the command's answer", ANSWER_LIMITS)
        except DocumentError:  # noqa: PERF203 - another program may have printed it
            continue
    return CommandAnswer()


def begin_replay(experiments: Experiments, name: str) -> tuple[Experiment, Experiment]:
    """Return an experiment and its replay: the first unfinished one, else a new one.

    Raises:
        ExperimentError: there is no experiment of that name, or it has no command.
    """
    first = experiments.load(name)
    if first.kind != "grid":
        problem = f"is of kind {first.kind}, which has no command to replay"
        raise ExperimentError(first.folder, problem, "replay a grid, or run the exploration's own command again")
    trials_of(first)
    others = {each.name: each for each in experiments.find(())}
    number = 1
    while replay := others.get(f"{name}-replay-{number}"):
        if replay.made_by == first.made_by and len(ended_trials(replay, [])) < len(trials_of(replay)):
            return first, replay
        number += 1
    return first, experiments.begin(f"{name}-replay-{number}", "grid", first.tags, first.made_by, sample=first.sample)


def compare_replay(
    first: Experiment, second: Experiment, outcomes: Sequence[TrialOutcome], damages: list[str]
) -> list[TrialComparison]:
    """Compare each trial of a replay with the trial of the first experiment.

    `damages` takes a sentence for each line that cannot be read.
    """
    then = {each.trial.key: each for each in ended_trials(first, damages)}
    before, now = (
        {identity(to_line(each)): each for each in experiment.store.measurements(damages)}
        for experiment in (first, second)
    )
    comparisons = []
    for outcome in outcomes:
        old = then.get(outcome.trial.key)
        pairs = tuple(
            (before[old_id], now[new_id])
            for old_id, new_id in zip(old.measurements if old else (), outcome.measurements, strict=False)
            if old_id in before and new_id in now
        )
        comparisons.append(TrialComparison(outcome.trial.words, old.told if old else "not run", outcome.told, pairs))
    return comparisons
