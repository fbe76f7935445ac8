"""The repository of a board: whole or refused, and workflows that trust no pull request."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from board_repositories import INSTALL, workflow

from mlperf_home.leaderboard.board_repository.creation import PLACES, create_repository
from mlperf_home.leaderboard.store.errors import BoardError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    create_repository(tmp_path / "board", "1.2.3", sample=False)
    return tmp_path / "board"


def steps_of(repository: Path) -> list[tuple[str, dict[str, Any]]]:
    return [
        (job, step)
        for name in ("verify", "board")
        for job, each in workflow(repository, name)["jobs"].items()
        for step in each["steps"]
    ]


def test_a_new_repository_has_all_of_its_files(repository: Path) -> None:
    files = {str(path.relative_to(repository)) for path in repository.rglob("*") if path.is_file()}

    assert files == set(PLACES.values())
    assert not any("[[" in path.read_text() or "[%" in path.read_text() for path in repository.rglob("*.*ml"))


def test_the_workflows_are_valid(repository: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="checked with the extra lint")
    checks = {"vendor.github-workflows": "workflows/*.yml", "vendor.dependabot": "dependabot.yml"}
    for schema, names in checks.items():
        files = [str(path) for path in (repository / ".github").glob(names)]
        argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout


def test_the_version_that_made_it_is_installed(repository: Path) -> None:
    installs = [step["run"] for _, step in steps_of(repository) if step.get("name") == INSTALL]

    assert "\nmlperf-home==1.2.3\n" in (repository / "requirements.txt").read_text()
    assert installs == ["python -m pip install -r requirements.txt"] * 2


def test_a_pull_request_gets_neither_secrets_nor_rights(repository: Path) -> None:
    text = (repository / ".github" / "workflows" / "verify.yml").read_text()

    assert list(workflow(repository, "verify")[True]) == ["pull_request"]
    assert workflow(repository, "verify")["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow(repository, "verify")["jobs"].values())
    assert "secrets" not in text


def test_no_expression_stands_in_shell_text(repository: Path) -> None:
    assert not any("${{" in step.get("run", "") for _, step in steps_of(repository))


def test_what_reads_bundles_cannot_write(repository: Path) -> None:
    reading = {job for job, step in steps_of(repository) if "cm run" in step.get("run", "")}
    jobs = workflow(repository, "board")["jobs"]
    writing = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    checkouts = [step for job, step in steps_of(repository) if "checkout@" in step.get("uses", "") and job in reading]

    assert reading == {"verify", "collect"}
    assert writing == {"keep", "pages"}
    assert workflow(repository, "board")["permissions"] == {}
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(BoardError, match=r"holds 'thesis.txt'; name a new folder"):
        create_repository(tmp_path, "1", sample=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "board").write_text("mine")

    with pytest.raises(BoardError, match="is a file"):
        create_repository(tmp_path / "board", "1", sample=False)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()

    create_repository(tmp_path / "board", "1", sample=True)
    assert "collect,bundles,_sample" in (tmp_path / "board" / ".github" / "workflows" / "board.yml").read_text()
