"""The official checker gets the user's arguments: one file up to v5.1, a package since v6.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.submission.check.official import OfficialCheckError, OfficialOptions, official_runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    checker = tmp_path / "inference" / "tools" / "submission" / "submission_checker.py"
    checker.parent.mkdir(parents=True)
    checker.write_text("", "utf-8")
    return tmp_path / "inference"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    checker = tmp_path / "newer" / "tools" / "submission" / "submission_checker" / "main.py"
    checker.parent.mkdir(parents=True)
    checker.write_text("", "utf-8")
    return tmp_path / "newer"


def test_the_checker_is_found_by_folder_or_file(source: Path, tmp_path: Path) -> None:
    checker = source / "tools" / "submission" / "submission_checker.py"

    for path in (source, checker):
        (run,) = official_runs(path, tmp_path, OfficialOptions("v3.1"))
        assert run.arguments == (str(checker), "--input", str(tmp_path), "--version", "v3.1")


def test_the_package_runs_twice(package: Path, tmp_path: Path) -> None:
    folder = package / "tools" / "submission" / "submission_checker"

    for path in (package, folder, folder / "main.py"):
        plain, strict = official_runs(path, tmp_path, OfficialOptions("v6.1"))
        assert plain.arguments[:5] == (str(folder / "main.py"), "--input", str(tmp_path), "--version", "v6.1")
        assert "--submission-exceptions" not in plain.arguments
        assert "--submission-exceptions" in strict.arguments
        assert plain.name != strict.name


def test_every_option_becomes_an_argument(source: Path, tmp_path: Path) -> None:
    options = OfficialOptions("v3.1", "Me", skip_compliance=True, skip_power=True, extra_args="--debug --csv 'a b.csv'")

    (run,) = official_runs(source, tmp_path, options)

    assert run.arguments[5:7] == ("--submitter", "Me")
    assert {"--skip_compliance", "--skip-power-check", "--debug"} <= set(run.arguments)
    assert run.arguments[-1] == "a b.csv"


def test_an_option_that_the_package_ignores_is_refused(package: Path, tmp_path: Path) -> None:
    with pytest.raises(OfficialCheckError, match=r"--skip_compliance: has no effect .* of v6\.1; leave it out"):
        official_runs(package, tmp_path, OfficialOptions("v6.1", skip_compliance=True))


def test_an_absent_checker_and_an_open_quote_are_reported(source: Path, tmp_path: Path) -> None:
    with pytest.raises(OfficialCheckError, match=r"there is no checker; pass submission_checker\.py"):
        official_runs(tmp_path / "nothing", tmp_path, OfficialOptions("v3.1"))
    with pytest.raises(OfficialCheckError, match="close the quotes"):
        official_runs(source, tmp_path, OfficialOptions("v3.1", extra_args="'"))
