"""`cm podman script` with a real podman: builds and runs, where podman and a base image are (.ci/container-base)."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cm_command import Cm, fresh_cm
from real_podman import BASE, RealPodman, real_podman

from mlperf_home.environments import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cm_command import Ended

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPodman]:
    made = real_podman(tmp_path_factory.mktemp("podman"))
    yield made
    made("image", "rm", "--all", "--force")  # of its own storage: images are large


@pytest.fixture(scope="module")
def wheels(podman: RealPodman, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheels of our own lock."""
    folder = tmp_path_factory.mktemp("wheels")
    words = ["download", "--quiet", "--require-hashes", "--only-binary=:all:", "--dest", str(folder)]
    lock = str(ENVIRONMENTS["machine"].lock)
    subprocess.run([sys.executable, "-m", "pip", *words, "-r", lock], check=True)
    return folder


@pytest.fixture
def inside(podman: RealPodman, wheels: Path, tmp_path: Path) -> Cm:
    cm = fresh_cm(tmp_path / "cm")
    cm.environment |= podman.environment
    return cm


def run(cm: Cm, wheels: Path, tags: str, *words: str) -> Ended:
    where = (f"--docker_base_image={BASE}", f"--docker_wheels={wheels}", "--offline")
    return cm("podman", "script", f"--tags={tags}", *where, *words)


def test_a_script_runs_in_a_container(inside: Cm, wheels: Path) -> None:
    ended = run(inside, wheels, "report,environment")

    assert ended.code == 0, ended.output
    assert "container: podman" in ended.output
    records = list((inside.home / "mlperf-home" / "docker" / "home").rglob("record.json"))
    assert records
    assert {path.stat().st_uid for path in records} == {os.getuid()}


def test_layers_are_kept_between_builds(inside: Cm, wheels: Path) -> None:
    assert run(inside, wheels, "detect,os").code == 0

    ended = run(inside, wheels, "detect,os")

    assert ended.code == 0, ended.output
    text = (inside.home / "mlperf-home" / "docker" / "build.log").read_text()
    assert "Using cache" in text
    assert "Collecting" not in text


def test_an_affinity_is_kept_in_a_container(inside: Cm, wheels: Path) -> None:
    cpu = min(os.sched_getaffinity(0))

    ended = run(inside, wheels, "report,environment", f"--docker_cpuset={cpu}")

    assert ended.code == 0, ended.output
    assert ", 1 usable" in ended.output
    assert f"CPUs {cpu}" in ended.output


def test_a_variable_reaches_the_run_and_no_layer(inside: Cm, wheels: Path, podman: RealPodman) -> None:
    ended = run(inside, wheels, "detect,os", "--docker_env.TOKEN", "-j")
    assert ended.code != 0  # it has no value here
    inside.environment["TOKEN"] = "pa55"  # noqa: S105 - looked for below

    ended = run(inside, wheels, "detect,os", "--docker_env.TOKEN")

    assert ended.code == 0, ended.output
    (image,) = {
        line.split()[0] for line in podman("images", "--format", "{{.ID}} {{.Names}}", "mlperf-home").splitlines()
    }
    assert "pa55" not in podman("image", "inspect", image) + podman("image", "history", "--no-trunc", image)
