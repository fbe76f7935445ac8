"""A command run with many values: resumed, never twice, failures named."""

from __future__ import annotations

import fcntl
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.experiments import grid
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.experiments.values import Trial, trials
from mlperf_home.exploration.definition.journal import JournalError
from mlperf_home.measurements.measurement import Measurement, Value, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAILS_ON = "import sys; print('N is', sys.argv[1]); sys.exit(sys.argv[1] == sys.argv[2])"


def begun(tmp_path: Path, words: Sequence[str], values: dict[str, list[Any]]) -> tuple[Experiment, list[Trial]]:
    made_by = {"command": list(words), "values": values}
    experiment = Experiments(tmp_path).begin("mine", "grid", [], made_by, sample=False)
    return experiment, trials(values, words, "mine")


def run(experiment: Experiment, found: list[Trial], **how: bool) -> list[grid.Outcome]:
    return grid.run_grid(experiment, found, lambda _: None, **how)


def test_a_failure_is_named_with_its_last_lines_and_stops_no_other(tmp_path: Path) -> None:
    outcomes = run(*begun(tmp_path, [sys.executable, "-c", FAILS_ON, "{{N}}", "2"], {"N": [1, 2, 3]}))

    assert [each.ok for each in outcomes] == [True, False, True]
    assert "exited with status 1 | N is 2" in outcomes[1].told
    assert (tmp_path / "mine" / "logs" / "2.log").read_text() == "N is 2\n"


def test_what_ended_well_is_not_run_again_and_what_failed_is(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    code = "import pathlib, sys; sys.exit(sys.argv[1] == '2' and not pathlib.Path(sys.argv[2]).exists())"
    given = begun(tmp_path, [sys.executable, "-c", code, "{{N}}", str(allowed)], {"N": [1, 2]})
    first = run(*given)
    allowed.write_text("")

    second, third = run(*given), run(*given, rerun=True)

    assert [each.ok for each in first] == [True, False]
    assert [(each.ok, each.kept) for each in second] == [(True, True), (True, False)]
    assert [(each.ok, each.kept) for each in third] == [(True, False), (True, False)]


def test_a_signal_is_told_by_name(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    (outcome,) = run(*begun(tmp_path, [sys.executable, "-c", code, "{{N}}"], {"N": [1]}))

    assert not outcome.ok
    assert "SIGKILL" in outcome.told


def test_a_program_that_is_not_there_is_a_failed_point(tmp_path: Path) -> None:
    (outcome,) = run(*begun(tmp_path, ["no-such-program", "{{N}}"], {"N": [1]}))

    assert "no-such-program" in outcome.told


def test_a_damaged_journal_line_is_named_and_its_point_run_again(tmp_path: Path) -> None:
    experiment, found = begun(tmp_path, [sys.executable, "-c", "", "{{N}}"], {"N": [1, 2]})
    run(experiment, found)
    lines = experiment.journal.read_text().splitlines()
    experiment.journal.write_text("\n".join([*lines[:-1], lines[-1].replace("ok", "ko")]) + "\n")
    said: list[str] = []

    outcomes = grid.run_grid(experiment, found, said.append)

    assert "line 3 is damaged" in said[0]
    assert [each.kept for each in outcomes] == [True, False]


def test_two_at_once_on_one_experiment_are_refused(tmp_path: Path) -> None:
    experiment, found = begun(tmp_path, [sys.executable, "-c", "", "{{N}}"], {"N": [1]})
    with experiment.journal.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(JournalError, match="is in use: another command is running this experiment"):
            run(experiment, found)


def test_what_our_commands_measured_is_kept_with_the_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    experiment, found = begun(tmp_path / "root", ["cm", "run", "script", "--n={{N}}"], {"N": [7]})

    (outcome,) = run(experiment, found)
    again = run(experiment, found, rerun=True)

    (kept,) = experiment.store.measurements()
    assert kept.values["explored_N"] == Value(7, "copied", "--explore")
    assert outcome.told.endswith("1 measured")
    assert again[0].measurements == outcome.measurements
    assert "--n=7 --out=json" in (tmp_path / "root" / "mine" / "logs" / "1.log").read_text()


def a_measurement() -> Measurement:
    value = {"latency_ms": Value(1.5, "measured", "log")}
    return Measurement("v3.1", "resnet", "SingleStream", True, "sample", "VALID", (), (), {}, {}, {}, value, {}, ())


def a_cm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a command named cm where the one beside this Python is looked for."""
    cm = tmp_path / "cm"
    cm.write_text(f"#!/bin/sh\n{script}\n")
    cm.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def test_what_our_command_says_is_wrong_is_told_as_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_cm(tmp_path, monkeypatch, "printf '%s\\n' '{' '\"error\": \"no model; give one\", \"return\": 1' '}'; exit 1")

    (outcome,) = run(*begun(tmp_path / "root", ["cm", "run", "script", "--n={{N}}"], {"N": [1]}))

    assert outcome.told == "failed: exited with status 1 | no model; give one"


def test_a_measurement_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, measured = tmp_path / "record.json", tmp_path / "measurement.json"
    measured.write_text("{}")
    record.write_text(json.dumps({"steps": [{"exports": {"CM_MLPERF_MEASUREMENT_PATH": str(measured)}}]}))
    a_cm(tmp_path, monkeypatch, f"printf '%s\\n' '{{' '\"record\": \"{record}\"' '}}'")

    (outcome,) = run(*begun(tmp_path / "root", [str(tmp_path / "cm"), "--n={{N}}"], {"N": [1]}))

    assert "0 measured" in outcome.told
    assert f"{measured}: is not a measurement" in outcome.told


def test_what_has_ended_can_be_looked_at_while_it_runs(tmp_path: Path) -> None:
    experiment, found = begun(tmp_path, [sys.executable, "-c", "", "{{N}}"], {"N": [1, 2]})
    run(experiment, found[:1])
    with experiment.journal.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write('{"half a li')
        other.flush()
        damages: list[str] = []

        outcomes = grid.ended(experiment, damages)

    assert [(each.trial.number, each.ok) for each in outcomes] == [(1, True)]
    assert damages == []


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "record.json"
    record.write_text("[" * 100_000)
    a_cm(tmp_path, monkeypatch, f"printf '%s\\n' '{{' '\"record\": \"{record}\"' '}}'")

    (outcome,) = run(*begun(tmp_path / "root", [str(tmp_path / "cm"), "--n={{N}}"], {"N": [1]}))

    assert outcome.told.endswith(f"0 measured; {record}: is nested more than 64 levels deep")
