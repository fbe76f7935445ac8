"""An experiment's command with the same values again, and both beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.grid import Outcome, ended, trials_of
from mlperf_home.experiments.tables import Compared
from mlperf_home.measurements.measurement import MeasurementError, from_json
from mlperf_home.measurements.store.lines import identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.measurements.measurement import Measurement


def begin_replay(experiments: Experiments, name: str) -> tuple[Experiment, Experiment]:
    """Return an experiment and the one that replays it: the last that was stopped on its way, else a new one.

    Raises:
        ExperimentError: there is none of that name, or it has no command.
    """
    first = experiments.load(name)
    if first.kind != "grid":
        what = f"is of kind {first.kind}, which has no command to run again"
        raise ExperimentError(first.folder, what, "an exploration goes on or begins anew by its own command")
    trials_of(first)
    others = {each.name: each for each in experiments.find(())}
    number = 1
    while (replay := others.get(f"{name}-replay-{number}")) is not None:
        if replay.made_by == first.made_by and len(ended(replay, [])) < len(trials_of(replay)):
            return first, replay
        number += 1
    made_by = dict(first.made_by)
    return first, experiments.begin(f"{name}-replay-{number}", "grid", first.tags, made_by, sample=first.sample)


def compared(first: Experiment, second: Experiment, outcomes: Sequence[Outcome], damages: list[str]) -> list[Compared]:
    """Put each point's outcome and measurements beside those of then.

    Args:
        first: what was replayed.
        second: the replay.
        outcomes: of the replay.
        damages: takes a sentence for each line that cannot be read.
    """
    then = {each.trial.key: each for each in ended(first, damages)}
    before, now = _by_id(first, damages), _by_id(second, damages)
    found = []
    for outcome in outcomes:
        words = ", ".join(f"{name}={value}" for name, value in outcome.trial.values.items())
        old = then.get(outcome.trial.key)
        pairs = tuple(
            (before[one], now[other])
            for one, other in zip(old.measurements if old else (), outcome.measurements, strict=False)
            if one in before and other in now
        )
        found.append(Compared(words, old.told if old else "not run", outcome.told, pairs))
    return found


def _by_id(experiment: Experiment, damages: list[str]) -> dict[str, Measurement]:
    found = {}
    for number, line in experiment.store.lines():
        try:
            found[identity(line)] = from_json(line, f"{experiment.store.path}, line {number}")
        except MeasurementError as error:  # noqa: PERF203 - each line may fail alone
            damages.append(str(error))
    return found
