"""Problems are shown by cause, the most telling first."""

from __future__ import annotations

import tarfile
from dataclasses import astuple
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.verification.verification import verify

if TYPE_CHECKING:
    from pathlib import Path

    from unpacked_bundles import UnpackedBundle


def test_a_repacked_bundle_hides_no_other_problem(unpacked: UnpackedBundle, tmp_path: Path) -> None:
    unpacked.change("report.json", lambda report: report.update(counts=True))
    unpacked.rehash()
    bundle = tmp_path / "repacked.tar.gz"
    with tarfile.open(bundle, "w:gz") as archive:
        archive.add(unpacked.root, unpacked.root.name)

    problems = verify(bundle, tmp_path / "unpacked").problems
    lines = grouped(map(astuple, problems))

    assert len(problems) > 30
    assert lines[0].startswith("report.json: /counts is true, but the rest of the bundle gives false")
    assert any(" files, the first is " in line and "has an owner or a time" in line for line in lines)
    assert len(lines) < 8


def test_a_text_of_several_files_is_one_line() -> None:
    problems = [("a", "was changed"), ("x", "is missing"), ("b", "was changed")]

    assert grouped(problems) == ["2 files, the first is a: was changed", "x: is missing"]


def test_a_file_with_many_problems_is_cut() -> None:
    lines = grouped([("a", f"problem {number}") for number in range(10)])

    assert lines == ["a: problem 0", "a: problem 1", "a: problem 2", "and 7 more problems of a"]


def test_many_causes_are_cut() -> None:
    lines = grouped([(f"file {number}", f"problem {number}") for number in range(100)])

    assert len(lines) == 21
    assert lines[-1] == "and 80 more causes"
