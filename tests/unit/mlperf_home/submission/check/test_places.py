"""The texts of a check: a line for each result, and a line for each group of equal findings."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from submission_tree import BERT, MOBILENET, RULES, SUT, write_tree

from mlperf_home.submission.check.places import Finding
from mlperf_home.submission.check.report import check_submission, group_findings, report_text, result_rows, summary

if TYPE_CHECKING:
    from pathlib import Path


def test_each_result_has_a_line_with_its_values(tmp_path: Path) -> None:
    write_tree(tmp_path)

    rows = dict(result_rows(check_submission(tmp_path, RULES)))

    assert rows[f"{MOBILENET}, SingleStream"] == "resnet: 13.5 ms, accuracy 71.676 %, VALID"
    assert rows[f"{MOBILENET}, Offline"].endswith("VALID, inferred from SingleStream")


def test_a_missing_scenario_has_a_line(tmp_path: Path) -> None:
    submitter = write_tree(tmp_path)
    for kind in ("results", "measurements"):
        shutil.rmtree(submitter / kind / SUT / BERT / "singlestream")

    assert (
        dict(result_rows(check_submission(tmp_path, RULES)))[BERT]
        == "SingleStream missing, required for bert-99 in edge"
    )


def test_equal_findings_share_a_line_with_their_number() -> None:
    same = [Finding(f"{name}.txt", "seed", "is wrong", "run again") for name in "abc"]

    assert group_findings([*same, Finding("d.txt", "size", "is big", "cut it")]) == [
        "a.txt and 2 more: is wrong; run again [seed]",
        "d.txt: is big; cut it [size]",
    ]


def test_the_written_report_has_every_finding(tmp_path: Path) -> None:
    submitter = write_tree(tmp_path)
    for path in submitter.rglob("README.md"):
        path.write_text("", "utf-8")

    report = check_submission(tmp_path, RULES)

    assert report_text(report).count("[measurement-file-empty]") == 5
    assert summary(report) == "5 results, 5 errors, 0 notes"
