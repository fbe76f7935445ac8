"""Every command that a run suggests at its end works as printed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from resolved_commands import resolve_command
from results_logs import write_result
from tiny_scripts import manifest

from mlperf_home.challenges.commands import next_commands
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.measurements.ingest import ingest
from mlperf_home.product import PRODUCT
from mlperf_home.steps.next_commands import (
    CHALLENGE,
    LATENCY_CHALLENGE,
    after_estimate,
    after_exploration,
    after_models,
    after_result,
    after_submission,
)
from scriptgraph.api import Context, Folders, Switches
from scriptgraph.planning.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.steps.next_commands import Commands


def context_of(home: Path) -> Context:
    folders = Folders(home / "output", home / "partial", home / "state", home / "log.txt", home / "record.json")

    def ignore(_kind: str, _details: Any) -> None:
        pass

    return Context(manifest("x"), Environment(), folders, Switches(), ignore)


def suggested(tmp_path: Path, home: Path, results: Path, *, sample: bool) -> dict[str, Commands]:
    context = context_of(home)
    measurement = replace(ingest(write_result(tmp_path / "result"), model_name="some_model"), sample=sample)
    study = Experiments(home / "experiments").begin("study", "exploration", (), {}, sample=sample)
    return {
        "result": after_result(context, measurement, results),
        "models": after_models(context, measurement, results, sample=sample),
        "exploration": after_exploration(context, study),
        "exploration without a dataset": after_exploration(context, study, without_dataset=True),
        "submission": after_submission(context, tmp_path / "my submission", "v3.1", sample=sample),
    }


@pytest.mark.parametrize("sample", [False, True])
def test_each_suggested_command_resolves(tmp_path: Path, *, sample: bool) -> None:
    found = suggested(tmp_path, tmp_path / "home", tmp_path / "other results", sample=sample)

    (estimate,) = after_estimate(context_of(tmp_path / "home"), sample=sample)
    assert resolve_command(shlex.join(estimate[1])).word == LATENCY_CHALLENGE
    for commands in found.values():
        assert 3 <= len(commands) <= 5
        for _, words in commands:
            arguments = resolve_command(shlex.join(words))
            assert arguments.path("home") == tmp_path / "home"


def test_a_sweep_of_another_round_names_it(tmp_path: Path) -> None:
    measurement = replace(ingest(write_result(tmp_path / "result")), round="v6.1")

    found = dict(after_models(context_of(tmp_path / "home"), measurement, tmp_path / "r", sample=False))

    assert "--round=v6.1" in found["make a submission"]


def test_a_round_besides_v3_1_is_repeated(tmp_path: Path) -> None:
    commands = after_submission(context_of(tmp_path / "home"), tmp_path / "tree", "v6.1", sample=False)

    assert "--round=v6.1" in dict(commands)["check it again"]


def test_another_round_than_the_challenges_suggests_no_bundle(tmp_path: Path) -> None:
    context = context_of(tmp_path / "home")
    measurement = replace(ingest(write_result(tmp_path / "result")), round="v6.1")

    for commands in (
        after_result(context, measurement, tmp_path / "r"),
        after_models(context, measurement, tmp_path / "r", sample=False),
        after_submission(context, tmp_path / "tree", "v6.1", sample=False),
    ):
        assert "make a bundle" not in dict(commands)


def test_usual_folders_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", str(tmp_path))

    found = suggested(tmp_path, PRODUCT.home, PRODUCT.home / "results", sample=True)

    words = [word for name in ("result", "models") for _, words in found[name] for word in words]
    assert [word for word in words if "/" in word] == [f"--results_dir={PRODUCT.home}/results"]


def test_samples_are_not_compared_with_published(tmp_path: Path) -> None:
    found = suggested(tmp_path, tmp_path / "home", tmp_path / "r", sample=True)

    assert not any("--published" in words for commands in found.values() for _, words in commands)


def test_folders_below_the_present_one_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    found = suggested(tmp_path, tmp_path / "home", tmp_path / "r", sample=False)

    assert found["result"][1][1] == ["cm", "show", "result", "--results_dir=r", "--home=home"]


def test_the_commands_after_a_challenge_resolve(tmp_path: Path) -> None:
    for each in next_commands(CHALLENGE, tmp_path / "home", tmp_path / "a run", tmp_path / "b.tar.gz"):
        assert resolve_command(each["command"]).path("home") == tmp_path / "home"
