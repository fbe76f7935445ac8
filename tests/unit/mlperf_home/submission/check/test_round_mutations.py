"""Good trees of the rounds since v5.1 pass our check, and each change of a good one is named.

With MLPERF_HOME_OFFICIAL_SOURCE, a checkout of mlcommons/inference with the checker as a package, the official checker
judges the same trees: it passes the good ones, and none that it rejects passes ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from round_mutations import MUTATIONS, Mutation
from round_trees import SUBMITTER, write_round_tree

from mlperf_home.rules import load_round
from mlperf_home.submission.check.official import OfficialOptions, official_runs
from mlperf_home.submission.check.official_output import read_verdict
from mlperf_home.submission.check.report import check_submission

DIVISIONS = ("open", "closed", "network")
ROUNDS = ("v5.1", "v6.0", "v6.1")
SOURCE = os.environ.get("MLPERF_HOME_OFFICIAL_SOURCE", "")
official = pytest.mark.skipif(not SOURCE, reason="MLPERF_HOME_OFFICIAL_SOURCE names no checkout")
every_mutation = pytest.mark.parametrize("mutation", MUTATIONS, ids=[each.name for each in MUTATIONS])
every_round = pytest.mark.parametrize(
    ("name", "division"), [(name, division) for name in ROUNDS for division in DIVISIONS]
)


@pytest.fixture(scope="session")
def good_trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of good v6.1 trees, one for each division."""
    folder = tmp_path_factory.mktemp("good")
    for division in DIVISIONS:
        write_round_tree(folder / division, load_round("v6.1"), division)
    return folder


@pytest.fixture
def mutated(good_trees: Path, tmp_path: Path, mutation: Mutation) -> Path:
    root = tmp_path / "tree"
    shutil.copytree(good_trees / mutation.division, root)
    mutation.change(root / mutation.division / SUBMITTER)
    return root


def officially_passed(root: Path, name: str) -> tuple[bool, tuple[str, ...]]:
    passed, errors = True, []
    for run in official_runs(Path(SOURCE), root, OfficialOptions(name)):
        words = [sys.executable, *run.arguments]
        done = subprocess.run(words, cwd=root.parent, capture_output=True, text=True, check=False)
        verdict = read_verdict((done.stdout + done.stderr).splitlines(), done.returncode, root)
        passed &= verdict.passed
        errors += verdict.errors
    return passed, tuple(errors)


@every_round
def test_a_good_tree_of_a_round_has_no_errors(tmp_path: Path, name: str, division: str) -> None:
    rules = load_round(name)
    write_round_tree(tmp_path, rules, division)

    report = check_submission(tmp_path, rules)

    assert not [str(each) for each in report.errors]
    assert all(row.value and row.valid == "VALID" for row in report.results)


@every_mutation
def test_every_change_of_a_good_tree_is_named(mutated: Path, mutation: Mutation) -> None:
    report = check_submission(mutated, load_round("v6.1"))

    assert mutation.rule in {each.rule for each in report.errors}, [str(each) for each in report.findings]
    assert all(each.problem and each.remedy and "\n" not in str(each) for each in report.findings)


def test_there_are_75_changes() -> None:
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS) >= 75


@pytest.mark.long
@official
@every_round
def test_the_official_checker_passes_good_trees(tmp_path: Path, name: str, division: str) -> None:
    write_round_tree(tmp_path, load_round(name), division)

    assert officially_passed(tmp_path, name) == (True, ())


@pytest.mark.long
@official
@every_mutation
def test_no_tree_that_is_officially_rejected_passes(mutated: Path) -> None:
    passed, errors = officially_passed(mutated, "v6.1")

    assert passed or check_submission(mutated, load_round("v6.1")).errors, errors
