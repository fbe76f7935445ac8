"""`cm docker script` with a fake docker, which records its arguments and runs nothing."""

from __future__ import annotations

import json
import os
import platform
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm, Ended

FAKE = """#!/usr/bin/env python3
import json, os, sys
with open({noted!r}, "a") as notes:
    notes.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == os.environ.get("FAKE_DOCKER_FAILS"):
    print("no daemon, no fun", file=sys.stderr)
    sys.exit(7)
if sys.argv[1] == "run":
    print("said in the container")
"""


@pytest.fixture
def noted(cm: Cm, tmp_path: Path) -> Path:
    """Put the fake docker first on PATH; return the file with its arguments."""
    programs, notes = tmp_path / "programs", tmp_path / "noted"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(FAKE.format(noted=str(notes)))
    docker.chmod(0o755)
    cm.environment["PATH"] = f"{programs}:{cm.environment['PATH']}"
    return notes


def words(noted: Path) -> list[list[str]]:
    return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


def docker(cm: Cm, *options: str, **extra: str) -> Ended:
    return cm("docker", "script", *options, **extra)


def test_the_guides_test_of_docker_builds_and_runs(cm: Cm, noted: Path) -> None:
    ended = docker(cm, "--tags=detect,os", "-j")

    assert ended.code == 0, ended.output
    assert "said in the container" in ended.out
    version, build, run = words(noted)
    assert version[0] == "version"
    assert build[:2] == ["build", "--tag"]
    image = build[2]
    assert run[run.index(image) :] == [image, "cm", "run", "script", "--tags=detect,os", "-j"]
    assert f"{os.getuid()}:{os.getgid()}" in run
    # Results are named after the machine, not after each container.
    assert run[run.index("--hostname") + 1] == platform.node()
    folder = cm.home / "mlperf-home" / "docker"
    recipe = (folder / "image" / "Dockerfile").read_text()
    assert recipe.startswith("FROM python:")
    assert "pip install" in recipe
    assert any((folder / "image" / "source").rglob("scriptgraph/cli/bridge.py"))


def test_the_guides_folders_are_mounted_at_the_same_paths(cm: Cm, noted: Path, tmp_path: Path) -> None:
    imagenet = tmp_path / "imagenet; rm -rf x"
    imagenet.mkdir()
    results, tree = tmp_path / "results", tmp_path / "tree"

    ended = docker(
        cm,
        "--tags=run,mobilenet-models,_tflite,_accuracy-only",
        "--adr.compiler.tags=gcc",
        "--docker_cm_repo=mlcommons@ck",
        f"--imagenet_path={imagenet}",
        f"--results_dir={results}",
        f"--submission_dir={tree}",
        "--docker_base_image=python:3.12",
    )

    assert ended.code == 0, ended.output
    assert "the container has the scripts of this installation" in ended.err
    run = words(noted)[-1]
    for folder in (imagenet, results, tree):
        assert f"type=bind,source={folder},target={folder}" in run
        assert folder.is_dir()
    assert f"--imagenet_path={imagenet}" in run
    assert not [word for word in run if "docker" in word and word.startswith("--")]


def test_a_relative_path_is_the_same_place_in_the_container(cm: Cm, noted: Path) -> None:
    ended = docker(cm, "--tags=run,mobilenet-models,_sample", "--results_dir=here")

    assert ended.code == 0, ended.output
    assert f"--results_dir={cm.home / 'here'}" in words(noted)[-1]


def test_the_containers_home_is_its_own(cm: Cm, noted: Path) -> None:
    (cm.home / "mirrors.json").write_text("{}")
    options = ("--home=elsewhere", "--cache_dir=kept", "--mirrors=mirrors.json")

    ended = docker(cm, "--tags=detect,os", *options)

    assert ended.code == 0, ended.output
    run = words(noted)[-1]
    assert not [word for word in run if word.startswith("--home")]
    assert f"type=bind,source={cm.home / 'elsewhere' / 'docker' / 'home'},target=/home/cm" in run
    for name, path in (("cache_dir", cm.home / "kept"), ("mirrors", cm.home / "mirrors.json")):
        assert f"--{name}={path}" in run
        assert f"type=bind,source={path},target={path}" in run
    assert "--env" not in run


def test_the_variable_reaches_the_container(cm: Cm, noted: Path) -> None:
    extra = "--docker_base_image=python:3.12 --home=elsewhere --cache_dir=kept --adr.absent.tags=a,b --env.CM_A='b c'"

    ended = docker(cm, "--tags=detect,os", CM_SCRIPT_EXTRA_CMD=extra)

    assert ended.code == 0, ended.output
    run = words(noted)[-1]
    passed = f"--cache_dir={cm.home / 'kept'} --adr.absent.tags=a,b '--env.CM_A=b c'"
    assert run[run.index("--env") + 1] == f"CM_SCRIPT_EXTRA_CMD={passed}"


def test_a_shell_needs_a_terminal(cm: Cm, noted: Path) -> None:
    refused = docker(cm, "--tags=detect,os", "--docker_skip_run_cmd")
    assert refused.code != 0
    assert "needs a terminal" in refused.output
    assert not words(noted)

    ours, theirs = pty.openpty()
    argv = [str(cm.program), "docker", "script", "--tags=detect,os", "--docker_skip_run_cmd"]
    ended = subprocess.run(argv, env=cm.environment, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)

    assert ended.returncode == 0, ended.stderr
    run = words(noted)[-1]
    assert {"--interactive", "--tty"} <= set(run)
    assert run[-1] == "bash"
    assert "cm run script --tags=detect,os" in ended.stderr


@pytest.mark.parametrize(
    ("failing", "message"),
    [("version", "no docker engine answers"), ("build", "no daemon, no fun"), ("run", "ended with status 7")],
)
def test_a_failure_of_docker_is_one_line(cm: Cm, noted: Path, failing: str, message: str) -> None:
    ended = docker(cm, "--tags=detect,os", FAKE_DOCKER_FAILS=failing)

    assert ended.code != 0
    assert message in ended.output
    assert "Traceback" not in ended.output
    assert words(noted)[-1][0] == failing


def test_a_file_in_the_way_is_named(cm: Cm, noted: Path) -> None:
    in_the_way = cm.home / "mlperf-home" / "docker"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.touch()

    ended = docker(cm, "--tags=detect,os")

    assert ended.code != 0
    assert f"{in_the_way}" in ended.output
    assert "correct this and run again" in ended.output
    assert "Traceback" not in ended.output
    assert len(words(noted)) == 1


def test_without_docker_the_error_says_what_to_do(cm: Cm, tmp_path: Path) -> None:
    ended = docker(cm, "--tags=detect,os", PATH=str(tmp_path))

    assert ended.code != 0
    assert "docker is not on PATH; install Docker Engine" in ended.output
    assert "cm run script --tags=detect,os" in ended.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tags=detect,oz"], "detect-os"),
        (["--tags=detect,os", "--docker_mount=/tmp"], "did you mean --docker_mounts?"),
        (["--tags=detect,os", "--docker_base_image=--privileged"], "is not the name of an image"),
        (["--tags=detect,os", "--docker_mounts=/nowhere/at/all"], "does not exist; name a folder"),
        (["--tags=run,mobilenet-models", "--imagenet_path=/nowhere/at/all"], "neither it nor the folder"),
        (
            ["--tags=run,mobilenet-models", "--results_dir=/tmp/a,target=/etc"],
            "has a comma, a quote or a line break",
        ),
        (["--tags=run,mobilenet-models", "--resultsdir=/tmp"], "has no option --resultsdir"),
    ],
)
def test_a_wrong_command_starts_nothing(cm: Cm, noted: Path, options: list[str], message: str) -> None:
    ended = docker(cm, *options)

    assert ended.code != 0
    assert message in ended.output
    assert not words(noted)
