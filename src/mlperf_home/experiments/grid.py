"""Run a command once for each combination of values; what ended well is not run again."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.values import trials
from mlperf_home.exploration.definition.journal import Journal, observations
from mlperf_home.measurements.measurement import Measurement, MeasurementError, Value, from_json
from mlperf_home.measurements.store.lines import identity, to_line
from scriptgraph.embed import ProcessFailed, describe_end, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.experiments.values import Trial

_OURS = {"cm", "cmr"}
_MEASURED = "CM_MLPERF_MEASUREMENT_PATH"
_LAST_LINES = 5


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: what was run.
        ok: whether it ended with 0.
        told: how it ended, for people.
        log: all that it said.
        measurements: ids in the experiment's store.
        kept: whether it had ended well before, and was not run.
    """

    trial: Trial
    ok: bool
    told: str
    log: str
    measurements: tuple[str, ...]
    kept: bool


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
            before = journal.find(trial.key)
            if before and before["ok"] and not rerun:
                outcomes.append(_outcome(trial, before, kept=True))
                continue
            values = ", ".join(f"{name}={value}" for name, value in trial.values.items())
            say(f"{trial.number} of {len(found)}: {values}")
            observed = _run(experiment, trial)
            journal.add(trial.key, observed)
            outcomes.append(_outcome(trial, observed, kept=False))
            say(f"{trial.number} of {len(found)}: {observed['told']}")
    return outcomes


def ended(experiment: Experiment, damages: list[str]) -> list[Outcome]:
    """Return the trials that have ended, and run none; another process may be running them.

    Args:
        experiment: of kind "grid".
        damages: takes a sentence for each line of the journal that cannot be read.
    """
    known = observations(experiment.journal, damages)
    found = trials_of(experiment)
    return [_outcome(trial, known[trial.key], kept=True) for trial in found if trial.key in known]


def trials_of(experiment: Experiment) -> list[Trial]:
    """Return the combinations that an experiment consists of.

    Raises:
        ExperimentError: it does not say how it was made.
    """
    try:
        return trials(experiment.made_by["values"], experiment.made_by["command"], experiment.name)
    except (KeyError, TypeError, AttributeError):
        advice = f"remove it by cm rm experiment {experiment.name}"
        raise ExperimentError(experiment.folder, "does not say which command it ran", advice) from None


def _outcome(trial: Trial, observed: Mapping[str, Any], *, kept: bool) -> Outcome:
    measurements = tuple(observed["measurements"])
    return Outcome(trial, observed["ok"], observed["told"], observed["log"], measurements, kept)


def _run(experiment: Experiment, trial: Trial) -> dict[str, Any]:
    """Run one combination, and take over what it measured."""
    log = experiment.folder / "logs" / f"{trial.number}.log"
    log.unlink(missing_ok=True)
    lines: list[str] = []
    began_ns = time.monotonic_ns()
    problem, ok = "", False
    try:
        argv = _command(trial.argv)
        ran = run(argv, env=os.environ, cwd=Path.cwd(), log=log, on_line=lines.append)
        ok = ran.ok
        if not ok:
            reason = _answer(lines).get("error")
            last = [" ".join(str(reason).split())] if reason else ran.last_lines[-_LAST_LINES:]
            problem = " | ".join([describe_end(ran.exit_code, ran.signal), *last])
    except ProcessFailed as error:
        problem = str(error)
    seconds = (time.monotonic_ns() - began_ns) / 1e9
    unreadable: list[str] = []
    measured = _measured(lines, trial, unreadable) if ok else []
    experiment.store.append(measured)
    ids = [identity(to_line(each)) for each in measured]
    told = "; ".join([f"done in {seconds:.1f} s, {len(ids)} measured", *unreadable]) if ok else f"failed: {problem}"
    return {"ok": ok, "told": told, "argv": list(trial.argv), "log": str(log), "measurements": ids, "seconds": seconds}


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
    values = {
        f"explored_{name}": Value(value, "copied", "--explore") for name, value in trial.values.items() if value != ""
    }
    found = []
    for path in _paths(lines):
        try:
            measurement = from_json(path.read_text("utf-8"), str(path))
        except MeasurementError as error:  # noqa: PERF203 - each may fail alone
            unreadable.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(f"{path}: cannot be read ({error})")
        else:
            found.append(replace(measurement, values={**measurement.values, **values}))
    return found


def _answer(lines: Sequence[str]) -> dict[str, Any]:
    """Return the object that a command has printed last; one without any gives an empty one."""
    for start in reversed([place for place, line in enumerate(lines) if line == "{"]):
        try:
            document = json.loads("\n".join(lines[start:]))
        except ValueError:
            continue
        return document if isinstance(document, dict) else {}
    return {}


def _paths(lines: Sequence[str]) -> list[Path]:
    try:
        steps = json.loads(Path(_answer(lines)["record"]).read_text("utf-8"))["steps"]
        named = [step.get("exports", {}).get(_MEASURED) for step in steps]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # it is no command of ours, or one that keeps no record
    return [Path(path) for path in dict.fromkeys(named) if path]
