"""A replay goes on where it was stopped, and sets both runs beside each other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from mlperf_home.experiments.experiment import Experiment, ExperimentError, Experiments
from mlperf_home.experiments.grid import begin_replay, compared, run_grid, trials_of
from mlperf_home.experiments.tables import compared_section
from mlperf_home.measurements.measurement import Measurement, Value

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "", "{{N}}"]


def begun(root: Path, name: str = "mine") -> Experiment:
    return Experiments(root).begin(name, "grid", [], {"command": COMMAND, "values": {"N": [1, 2]}}, sample=False)


def test_one_that_was_stopped_goes_on_and_a_whole_one_is_followed_by_another(tmp_path: Path) -> None:
    run_grid(begun(tmp_path), trials_of(begun(tmp_path)), lambda _: None)
    experiments = Experiments(tmp_path)
    _, stopped = begin_replay(experiments, "mine")
    run_grid(stopped, trials_of(stopped)[:1], lambda _: None)

    _, again = begin_replay(experiments, "mine")
    run_grid(again, trials_of(again), lambda _: None)
    _, other = begin_replay(experiments, "mine")

    assert (stopped.name, again.name, other.name) == ("mine-replay-1", "mine-replay-1", "mine-replay-2")


def test_values_of_each_point_stand_beside_each_other(tmp_path: Path) -> None:
    first, second = begun(tmp_path), begun(tmp_path, "mine-replay-1")
    ran = run_grid(first, trials_of(first), lambda _: None)
    again = run_grid(second, trials_of(second), lambda _: None)
    values = {"latency_ms": Value(2.0, "measured", "log")}
    then = Measurement("v3.1", "resnet", "SingleStream", False, "", "VALID", (), (), {}, {}, {}, values, {}, ())
    assert len(ran) == len(again) == 2

    points = compared(first, second, again, [])
    pair = (then, Measurement(**{**vars(then), "values": {"latency_ms": Value(3.0, "measured", "log")}}))
    section = compared_section("both", [points[0].__class__("N=1", "", "", (pair,)), points[1]])

    assert section.rows[0] == ("N=1", "latency_ms", "2", "3", "+50.0%")
    assert section.rows[1][:2] == ("N=2", "ended")
    assert section.rows[1][4] == "as then"


def test_what_has_no_command_cannot_be_replayed(tmp_path: Path) -> None:
    Experiments(tmp_path).begin("world", "import", [], {"input": "x"}, sample=False)
    Experiments(tmp_path).begin("odd", "grid", [], {}, sample=False)

    with pytest.raises(ExperimentError, match="is of kind import, which has no command"):
        begin_replay(Experiments(tmp_path), "world")
    with pytest.raises(ExperimentError, match="does not say which command it ran"):
        begin_replay(Experiments(tmp_path), "odd")
