"""The official checker gets the user's arguments; its verdict is more than its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.submission.check.official import OfficialCheckError, OfficialOptions, official_arguments, read_verdict

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    checker = tmp_path / "inference" / "tools" / "submission" / "submission_checker.py"
    checker.parent.mkdir(parents=True)
    checker.write_text("", "utf-8")
    return tmp_path / "inference"


def test_the_checker_is_found_by_folder_or_file(source: Path, tmp_path: Path) -> None:
    checker = source / "tools" / "submission" / "submission_checker.py"

    assert official_arguments(source, tmp_path, OfficialOptions("v3.1"))[0] == str(checker)
    assert official_arguments(checker, tmp_path, OfficialOptions("v3.1"))[1:] == [
        "--input",
        str(tmp_path),
        "--version",
        "v3.1",
    ]


def test_every_option_becomes_an_argument(source: Path, tmp_path: Path) -> None:
    options = OfficialOptions("v3.1", "Me", skip_compliance=True, skip_power=True, extra_args="--debug --csv 'a b.csv'")

    arguments = official_arguments(source, tmp_path, options)

    assert arguments[5:7] == ["--submitter", "Me"]
    assert {"--skip_compliance", "--skip-power-check", "--debug"} <= set(arguments)
    assert arguments[-1] == "a b.csv"


def test_an_absent_checker_and_an_open_quote_are_reported(source: Path, tmp_path: Path) -> None:
    with pytest.raises(OfficialCheckError, match=r"there is no checker; pass submission_checker\.py"):
        official_arguments(tmp_path / "nothing", tmp_path, OfficialOptions("v3.1"))
    with pytest.raises(OfficialCheckError, match="close the quotes"):
        official_arguments(source, tmp_path, OfficialOptions("v3.1", extra_args="'"))


@pytest.mark.parametrize(
    ("lines", "exit_code", "passed"),
    [
        (["[2026-01-01 main.py:1 INFO] Results=1", "SUMMARY: submission looks OK"], 0, True),
        (["[2026-01-01 main.py:1 ERROR] open/x no system_desc", "SUMMARY: submission looks OK"], 0, False),
        (["SUMMARY: submission looks OK"], 1, False),
        (["Traceback (most recent call last):", "TypeError: x"], 1, False),
        ([], 0, False),
    ],
)
def test_an_exit_status_of_zero_is_not_enough(lines: list[str], exit_code: int, *, passed: bool) -> None:
    assert read_verdict(lines, exit_code).passed is passed
