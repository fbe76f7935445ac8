"""A stopped replay resumes; a replay is compared with the first run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.grid import begin_replay, compare_replay, run_grid, trials_of
from mlperf_home.experiments.tables import compared_section
from mlperf_home.measurements.measurement import Measurement, Value

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "", "{{N}}"]


def begun(root: Path, name: str = "mine") -> Experiment:
    return Experiments(root).begin(name, "grid", [], {"command": COMMAND, "values": {"N": [1, 2]}}, sample=False)


def test_only_an_unfinished_replay_is_resumed(tmp_path: Path) -> None:
    run_grid(begun(tmp_path), trials_of(begun(tmp_path)), lambda _: None)
    experiments = Experiments(tmp_path)
    _, stopped = begin_replay(experiments, "mine")
    run_grid(stopped, trials_of(stopped)[:1], lambda _: None)

    _, again = begin_replay(experiments, "mine")
    run_grid(again, trials_of(again), lambda _: None)
    _, other = begin_replay(experiments, "mine")

    assert (stopped.name, again.name, other.name) == ("mine-replay-1", "mine-replay-1", "mine-replay-2")


def test_both_runs_of_each_trial_are_compared(tmp_path: Path) -> None:
    first, second = begun(tmp_path), begun(tmp_path, "mine-replay-1")
    ran = run_grid(first, trials_of(first), lambda _: None)
    again = run_grid(second, trials_of(second), lambda _: None)
    values = {"latency_ms": Value(2.0, "measured", "log")}
    then = Measurement("v3.1", "resnet", "SingleStream", False, "", "VALID", (), (), {}, {}, {}, values, {}, ())
    assert len(ran) == len(again) == 2

    trials = compare_replay(first, second, again, [])
    pair = (then, Measurement(**{**vars(then), "values": {"latency_ms": Value(3.0, "measured", "log")}}))
    section = compared_section("both", [trials[0].__class__("N=1", "", "", (pair,)), trials[1]])

    assert section.rows[0] == ("N=1", "latency_ms", "2", "3", "+50.0%")
    assert section.rows[1][:2] == ("N=2", "result")
    assert section.rows[1][4] == "the same"


def test_an_experiment_without_a_command_is_not_replayed(tmp_path: Path) -> None:
    Experiments(tmp_path).begin("world", "import", [], {"input": "x"}, sample=False)
    Experiments(tmp_path).begin("odd", "grid", [], {}, sample=False)

    with pytest.raises(ExperimentError, match="is of kind import, which has no command"):
        begin_replay(Experiments(tmp_path), "world")
    with pytest.raises(ExperimentError, match="has no command in its description"):
        begin_replay(Experiments(tmp_path), "odd")
