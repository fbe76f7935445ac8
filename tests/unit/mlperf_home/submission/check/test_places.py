"""What a user sees of a check: a line for each result, and one for each finding that is not like another."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from submission_tree import BERT, MOBILENET, RULES, SUT, write_tree

from mlperf_home.submission.check.places import Finding
from mlperf_home.submission.check.report import check_submission, group_findings, report_text, result_rows, summary

if TYPE_CHECKING:
    from pathlib import Path


def test_each_result_has_a_line_with_value_accuracy_verdict_and_where_it_is_from(tmp_path: Path) -> None:
    write_tree(tmp_path)

    rows = dict(result_rows(check_submission(tmp_path, RULES)))

    assert rows[f"{MOBILENET}, SingleStream"] == "resnet: 13.5 ms, accuracy 71.676 %, VALID"
    assert rows[f"{MOBILENET}, Offline"].endswith("VALID, inferred from SingleStream")


def test_a_scenario_that_is_missing_has_a_line_too(tmp_path: Path) -> None:
    submitter = write_tree(tmp_path)
    for kind in ("results", "measurements"):
        shutil.rmtree(submitter / kind / SUT / BERT / "singlestream")

    assert (
        dict(result_rows(check_submission(tmp_path, RULES)))[BERT]
        == "SingleStream missing of what edge wants of bert-99"
    )


def test_findings_that_say_the_same_are_told_once_with_their_number() -> None:
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
    assert summary(report) == "5 results, 5 findings in the way, 0 notes"
