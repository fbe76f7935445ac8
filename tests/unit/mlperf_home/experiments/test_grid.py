"""Grids: resumed, never run twice, with their failures reported."""

from __future__ import annotations

import fcntl
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.experiments import grid
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.experiments.values import Trial, make_trials
from mlperf_home.exploration.definition.journal import JournalError
from mlperf_home.measurements.measurement import Measurement, Value, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAILS_ON = "import sys; print('N is', sys.argv[1]); sys.exit(sys.argv[1] == sys.argv[2])"


def begun(tmp_path: Path, words: Sequence[str], values: dict[str, list[Any]]) -> tuple[Experiment, list[Trial]]:
    made_by = {"command": list(words), "values": values}
    experiment = Experiments(tmp_path).begin("mine", "grid", [], made_by, sample=False)
    return experiment, make_trials(values, words, "mine")


def run(experiment: Experiment, trials: list[Trial], **options: bool) -> list[grid.TrialOutcome]:
    return grid.run_grid(experiment, trials, lambda _: None, **options)


def test_a_failure_is_reported_and_stops_no_other_trial(tmp_path: Path) -> None:
    outcomes = run(*begun(tmp_path, [sys.executable, "-c", FAILS_ON, "{{N}}", "2"], {"N": [1, 2, 3]}))

    assert [each.ok for each in outcomes] == [True, False, True]
    assert "exited with status 1 | N is 2" in outcomes[1].told
    assert (tmp_path / "mine" / "logs" / "2.log").read_text() == "N is 2\n"


def test_only_failed_trials_are_run_again(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    code = "import pathlib, sys; sys.exit(sys.argv[1] == '2' and not pathlib.Path(sys.argv[2]).exists())"
    begin = begun(tmp_path, [sys.executable, "-c", code, "{{N}}", str(allowed)], {"N": [1, 2]})
    first = run(*begin)
    allowed.write_text("")

    second, third = run(*begin), run(*begin, rerun=True)

    assert [each.ok for each in first] == [True, False]
    assert [(each.ok, each.kept) for each in second] == [(True, True), (True, False)]
    assert [(each.ok, each.kept) for each in third] == [(True, False), (True, False)]


def test_a_signal_is_reported_by_name(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    (outcome,) = run(*begun(tmp_path, [sys.executable, "-c", code, "{{N}}"], {"N": [1]}))

    assert not outcome.ok
    assert "SIGKILL" in outcome.told


def test_a_trial_of_an_absent_program_fails(tmp_path: Path) -> None:
    (outcome,) = run(*begun(tmp_path, ["no-such-program", "{{N}}"], {"N": [1]}))

    assert "no-such-program" in outcome.told


def test_the_trial_of_a_damaged_journal_line_is_run_again(tmp_path: Path) -> None:
    experiment, trials = begun(tmp_path, [sys.executable, "-c", "", "{{N}}"], {"N": [1, 2]})
    run(experiment, trials)
    lines = experiment.journal.read_text().splitlines()
    experiment.journal.write_text("\n".join([*lines[:-1], lines[-1].replace("ok", "ko")]) + "\n")
    messages: list[str] = []

    outcomes = grid.run_grid(experiment, trials, messages.append)

    assert "line 3 is damaged" in messages[0]
    assert [each.kept for each in outcomes] == [True, False]


def test_an_experiment_in_use_is_refused(tmp_path: Path) -> None:
    experiment, trials = begun(tmp_path, [sys.executable, "-c", "", "{{N}}"], {"N": [1]})
    with experiment.journal.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(JournalError, match="is in use: another command is running this experiment"):
            run(experiment, trials)


def test_measurements_are_stored_with_the_explored_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = tmp_path / "measurement.json"
    measured.write_text(to_json(a_measurement()))
    record = tmp_path / "record.json"
    steps = [{"exports": {"CM_MLPERF_MEASUREMENT_PATH": str(measured)}}, {"exports": {}}]
    record.write_text(json.dumps({"steps": steps}))
    cm = tmp_path / "cm"
    cm.write_text(
        f"#!/bin/sh\necho words\nprintf '%s\\n' '{{' '\"record\": \"{record}\", \"asked\": \"'\"$*\"'\"' '}}'\n"
    )
    cm.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    experiment, trials = begun(tmp_path / "root", ["cm", "run", "script", "--n={{N}}"], {"N": [7]})

    (outcome,) = run(experiment, trials)
    again = run(experiment, trials, rerun=True)

    (stored,) = experiment.store.measurements()
    assert stored.values["explored_N"] == Value(7, "copied", "--explore")
    assert outcome.told.endswith("1 measured")
    assert again[0].measurements == outcome.measurements
    assert "--n=7 --out=json" in (tmp_path / "root" / "mine" / "logs" / "1.log").read_text()


def a_measurement() -> Measurement:
    value = {"latency_ms": Value(1.5, "measured", "log")}
    return Measurement("v3.1", "resnet", "SingleStream", True, "sample", "VALID", (), (), {}, {}, {}, value, {}, ())


def a_cm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Write a command named cm beside a Python that stands for this one."""
    cm = tmp_path / "cm"
    cm.write_text(f"#!/bin/sh\n{script}\n")
    cm.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def test_the_error_of_a_cm_command_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_cm(tmp_path, monkeypatch, "printf '%s\\n' '{' '\"error\": \"no model; give one\", \"return\": 1' '}'; exit 1")

    (outcome,) = run(*begun(tmp_path / "root", ["cm", "run", "script", "--n={{N}}"], {"N": [1]}))

    assert outcome.told == "failed: exited with status 1 | no model; give one"


def test_an_unreadable_measurement_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, measured = tmp_path / "record.json", tmp_path / "measurement.json"
    measured.write_text("{}")
    record.write_text(json.dumps({"steps": [{"exports": {"CM_MLPERF_MEASUREMENT_PATH": str(measured)}}]}))
    a_cm(tmp_path, monkeypatch, f"printf '%s\\n' '{{' '\"record\": \"{record}\"' '}}'")

    (outcome,) = run(*begun(tmp_path / "root", [str(tmp_path / "cm"), "--n={{N}}"], {"N": [1]}))

    assert "0 measured" in outcome.told
    assert f"{measured}: is not a measurement" in outcome.told


def test_ended_trials_are_readable_during_a_run(tmp_path: Path) -> None:
    experiment, trials = begun(tmp_path, [sys.executable, "-c", "", "{{N}}"], {"N": [1, 2]})
    run(experiment, trials[:1])
    with experiment.journal.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write('{"half a li')
        other.flush()
        damages: list[str] = []

        outcomes = grid.ended_trials(experiment, damages)

    assert [(each.trial.number, each.ok) for each in outcomes] == [(1, True)]
    assert damages == []


def test_an_unreadable_record_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "record.json"
    record.write_text("[" * 100_000)
    a_cm(tmp_path, monkeypatch, f"printf '%s\\n' '{{' '\"record\": \"{record}\"' '}}'")

    (outcome,) = run(*begun(tmp_path / "root", [str(tmp_path / "cm"), "--n={{N}}"], {"N": [1]}))

    assert outcome.told.endswith(f"0 measured; {record}: is nested more than 64 levels deep")
