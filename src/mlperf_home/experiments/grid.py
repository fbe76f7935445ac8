"""Run a command once for each combination of values, what ended well not again; and replay all of it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import decode, parse_document, read_document
from mlperf_home.contracts.command_answer import ANSWER_LIMITS, CommandAnswer
from mlperf_home.contracts.experiment import CommandOrigin
from mlperf_home.contracts.journal import TrialEnd
from mlperf_home.contracts.records import RECORD_LIMITS, RunExports
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.values import trials
from mlperf_home.exploration.definition.journal import Journal, read_observations
from mlperf_home.measurements.measurement import Measurement, MeasurementError, Value, from_json
from mlperf_home.measurements.store import identity, to_line
from scriptgraph.embed import ProcessFailed, describe_end, run
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.experiments.experiment import Experiment, Experiments
    from mlperf_home.experiments.values import Trial

_OURS = {"cm", "cmr"}
_MEASURED = "CM_MLPERF_MEASUREMENT_PATH"
_LAST_LINES = 5


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        ok: whether it ended with 0.
        told: how it ended, for people.
        log: the file with all that it said.
        measurements: ids in the experiment's store.
        kept: whether it had ended well before, and was not run.
    """

    trial: Trial
    ok: bool
    told: str
    log: str
    measurements: tuple[str, ...]
    kept: bool


@dataclass(frozen=True)
class Compared:
    """A point that was run twice: its values in words, how it ended then and now, and its measurements in pairs."""

    words: str
    then: str
    now: str
    pairs: tuple[tuple[Measurement, Measurement], ...]


def run_grid(
    experiment: Experiment, found: Sequence[Trial], say: Callable[[str], None], *, rerun: bool = False
) -> list[Outcome]:
    """Run what has not ended well yet, one after another; a failure does not stop the others.

    Raises:
        JournalError: another process runs this experiment, or the journal is another one's.
        StoreError: measurements cannot be written.
    """
    outcomes = []
    with Journal(experiment.journal, {"made_by": experiment.made_by}) as journal:
        for damage in journal.damages:
            say(damage)
        for trial in found:
            observed = journal.find(trial.key, TrialEnd)
            kept = bool(observed and observed.ok) and not rerun
            if observed is None or not kept:
                say(f"{trial.number} of {len(found)}: {trial.words}")
                observed = _run(experiment, trial)
                journal.add(trial.key, observed)
                say(f"{trial.number} of {len(found)}: {observed.told}")
            outcomes.append(_outcome(trial, observed, kept=kept))
    return outcomes


def ended(experiment: Experiment, damages: list[str]) -> list[Outcome]:
    """Return the trials of a grid that have ended, and run none; another process may be running them.

    `damages` takes a sentence for each line of the journal that cannot be read.
    """
    known = read_observations(experiment.journal, TrialEnd, damages)
    return [_outcome(each, known[each.key], kept=True) for each in trials_of(experiment) if each.key in known]


def trials_of(experiment: Experiment) -> list[Trial]:
    """Return the combinations of an experiment. Raise ExperimentError if it does not say how it was made."""
    try:
        origin = decode(experiment.made_by, CommandOrigin, experiment.folder)
    except DocumentError as error:
        advice = f"remove it by cm rm experiment {experiment.name}"
        problem = f"does not say which command it ran ({error.fault})"
        raise ExperimentError(experiment.folder, problem, advice) from None
    return trials(origin.values, origin.command, experiment.name)


def _outcome(trial: Trial, ended: TrialEnd, *, kept: bool) -> Outcome:
    return Outcome(trial, ended.ok, ended.told, ended.log, ended.measurements, kept)


def _run(experiment: Experiment, trial: Trial) -> TrialEnd:
    """Run one combination, and take over what it measured."""
    log = experiment.folder / "logs" / f"{trial.number}.log"
    log.unlink(missing_ok=True)
    lines: list[str] = []
    unreadable: list[str] = []
    began_ns = time.monotonic_ns()
    try:
        ran = run(_command(trial.argv), env=os.environ, cwd=Path.cwd(), log=log, on_line=lines.append)
        ok, reason = ran.ok, _answer(lines).error
        last = [" ".join(str(reason).split())] if reason else ran.last_lines[-_LAST_LINES:]
        problem = " | ".join([describe_end(ran.exit_code, ran.signal), *last])
    except ProcessFailed as error:
        ok, problem = False, str(error)
    seconds = (time.monotonic_ns() - began_ns) / 1e9
    measured = _measured(lines, trial, unreadable) if ok else []
    experiment.store.append(measured)
    ids = tuple(identity(to_line(each)) for each in measured)
    told = "; ".join([f"done in {seconds:.1f} s, {len(ids)} measured", *unreadable]) if ok else f"failed: {problem}"
    return TrialEnd(ok=ok, told=told, argv=trial.argv, log=str(log), measurements=ids, seconds=seconds)


def _command(argv: Sequence[str]) -> list[str]:
    """Return the words to run: `cm` is the one beside this Python, and answers in JSON."""
    if Path(argv[0]).name not in _OURS:
        return list(argv)
    beside = Path(sys.executable).with_name(Path(argv[0]).name)
    program = str(beside) if argv[0] in _OURS and beside.is_file() else shutil.which(argv[0]) or argv[0]
    asks = any(word in {"-j", "--out=json", "--json"} for word in argv)
    return [program, *argv[1:], *([] if asks else ["--out=json"])]


def _measured(lines: Sequence[str], trial: Trial, unreadable: list[str]) -> list[Measurement]:
    """Find the measurements that a command of ours has made, through the record that its answer names."""
    given = {name: value for name, value in trial.values.items() if value != ""}
    values = {f"explored_{name}": Value(value, "copied", "--explore") for name, value in given.items()}
    record = _answer(lines).record
    if record is None:
        return []  # it is no command of ours, or one that keeps no record
    try:
        steps = read_document(record, RunExports, RECORD_LIMITS).steps
    except DocumentError as error:
        unreadable.append(str(error))
        return []
    named = [str(path) for step in steps if (path := step.exports.get(_MEASURED))]
    found = []
    for path in map(Path, dict.fromkeys(named)):
        try:
            measurement = from_json(path.read_text("utf-8"), str(path))
        except MeasurementError as error:  # noqa: PERF203 - each may fail alone
            unreadable.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(f"{path}: cannot be read ({error})")
        else:
            found.append(replace(measurement, values={**measurement.values, **values}))
    return found


def _answer(lines: Sequence[str]) -> CommandAnswer:
    """Return the object that a command has printed last; one without any gives an empty one."""
    for start in reversed([place for place, line in enumerate(lines) if line == "{"]):
        try:
            return parse_document("\n".join(lines[start:]), CommandAnswer, "the command's answer", ANSWER_LIMITS)
        except DocumentError:  # noqa: PERF203 - each may be another program's
            continue
    return CommandAnswer()


def begin_replay(experiments: Experiments, name: str) -> tuple[Experiment, Experiment]:
    """Return an experiment and the one that replays it: the last that was stopped on its way, else a new one.

    Raise ExperimentError if there is none of that name, or it has no command.
    """
    first = experiments.load(name)
    if first.kind != "grid":
        what = f"is of kind {first.kind}, which has no command to run again"
        raise ExperimentError(first.folder, what, "an exploration goes on or begins anew by its own command")
    trials_of(first)
    others = {each.name: each for each in experiments.find(())}
    number = 1
    while replay := others.get(f"{name}-replay-{number}"):
        if replay.made_by == first.made_by and len(ended(replay, [])) < len(trials_of(replay)):
            return first, replay
        number += 1
    return first, experiments.begin(f"{name}-replay-{number}", "grid", first.tags, first.made_by, sample=first.sample)


def compared(first: Experiment, second: Experiment, outcomes: Sequence[Outcome], damages: list[str]) -> list[Compared]:
    """Put each point's outcome in a replay, and its measurements, beside those of then.

    `damages` takes a sentence for each line that cannot be read.
    """
    then = {each.trial.key: each for each in ended(first, damages)}
    before, now = (
        {identity(to_line(each)): each for each in experiment.store.measurements(damages)}
        for experiment in (first, second)
    )
    found = []
    for outcome in outcomes:
        old = then.get(outcome.trial.key)
        pairs = tuple(
            (before[one], now[other])
            for one, other in zip(old.measurements if old else (), outcome.measurements, strict=False)
            if one in before and other in now
        )
        found.append(Compared(outcome.trial.words, old.told if old else "not run", outcome.told, pairs))
    return found
