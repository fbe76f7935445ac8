"""The folders of experiments and challenges are those of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges import commands as challenge_commands
from mlperf_home.experiments import commands as experiment_commands
from mlperf_home.experiments.arguments import root_of
from mlperf_home.experiments.command_table import experiment_command
from scriptgraph.embed import decode

if TYPE_CHECKING:
    import pytest


def test_experiments_are_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", "/repos")

    def root(**typed: str) -> Path:
        return root_of(decode(experiment_command("find"), typed))

    assert root() == Path("/repos/mlperf-home/experiments")
    assert root(home="/h") == Path("/h/experiments")
    assert root(home="/h", experiments_dir="/e") == Path("/e")


def test_a_home_of_an_unknown_user_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", "~no-such-user-here/x")
    command = {"artifact": "run-mlperf@home-v3.1-cpu", "plan": True, "sample": True}

    for answer in (experiment_commands.answer("find", {}), challenge_commands.answer("run", command)):
        assert answer["error"].endswith("names an unknown user; correct the name after ~")
