"""Submissions through `cm run script`: results become a checked, packed and pushed tree."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from submission_results import foreign, ours
from submission_tree import BERT, MOBILENET, SUT

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., dict[str, Any]]

GENERATE = "generate,mlperf,inference,submission"
# A fake of the official checker: it logs its arguments, and passes a tree with a division's folder. As the official one
# does, it writes by `logging` to standard error.
CHECKER = """
import logging
import sys
from pathlib import Path
logging.basicConfig(level=logging.INFO, format="[%(asctime)s %(filename)s:%(lineno)d %(levelname)s] %(message)s")
log = logging.getLogger("main")
root = Path(sys.argv[sys.argv.index("--input") + 1])
log.info(" ".join(sys.argv[1:]))
if "--fail" in sys.argv:
    log.error("something is wrong")
log.info("SUMMARY: submission looks OK" if (root / "open").is_dir() else "SUMMARY: submission has errors")
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    ours(tmp_path / "results")
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    return tmp_path / "results"


@pytest.fixture
def options(tmp_path: Path, results: Path) -> dict[str, Any]:
    return {
        "results_dir": str(results),
        "submission_dir": str(tmp_path / "tree"),
        "submitter": "Example",
        "division": "open",
        "category": "edge",
    }


@pytest.fixture
def checker(tmp_path: Path) -> Path:
    path = tmp_path / "submission_checker.py"
    path.write_text(CHECKER, "utf-8")
    return path


def failure(answer: dict[str, Any]) -> str:
    assert answer["return"] != 0
    return str(answer["error"])


def git(*words: str | Path, cwd: Path | None = None) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *map(str, words)], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout


def test_results_become_a_checked_and_packed_tree(cm_run: Run, options: dict[str, Any], tmp_path: Path) -> None:
    answer = cm_run(GENERATE, **options, infer_scenario_results="yes", tar="yes")

    assert answer["return"] == 0, answer
    assert answer["new_env"]["CM_MLPERF_SUBMISSION_RESULTS"] == 2
    assert (tmp_path / "tree.tar.gz").is_file()
    system = json.loads((tmp_path / "tree" / "open" / "Example" / "systems" / f"{SUT}.json").read_text("utf-8"))
    assert system["submitter"] == "Example"


def test_errors_of_the_official_checker_count(cm_run: Run, options: dict[str, Any], checker: Path) -> None:
    passed = cm_run(GENERATE, **options, checker_path=str(checker))
    failed = cm_run(GENERATE, **options, checker_path=str(checker), extra_args="--fail")

    assert passed["return"] == 0, passed
    assert "did not pass the official checker" in failure(failed)


def test_a_finding_in_the_way_fails_and_nothing_is_packed(
    cm_run: Run, options: dict[str, Any], results: Path, tmp_path: Path
) -> None:
    shutil.rmtree(results / "valid_results" / SUT / MOBILENET / "singlestream" / "accuracy")

    error = failure(cm_run(GENERATE, **options, tar="yes"))

    assert ", 1 error, " in error
    assert not (tmp_path / "tree.tar.gz").exists()


def test_without_a_submitter_nothing_is_made(cm_run: Run, options: dict[str, Any], tmp_path: Path) -> None:
    error = failure(cm_run(GENERATE, **{**options, "submitter": ""}))

    assert "submitter" in error
    assert not (tmp_path / "tree").exists()


def test_the_package_runs_with_and_without_exceptions(
    cm_run: Run, options: dict[str, Any], checker: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    package = checker.with_name("submission_checker") / "main.py"
    package.parent.mkdir()
    shutil.copy(checker, package)
    strict = checker.with_name("strict") / "main.py"
    strict.parent.mkdir()
    strict.write_text(CHECKER.replace("--fail", "--submission-exceptions"), "utf-8")

    passed = cm_run(GENERATE, **options, checker_path=str(package.parent))
    shown = "".join(capfd.readouterr())
    failed = cm_run(GENERATE, **options, checker_path=str(strict.parent))

    assert passed["return"] == 0, passed
    assert "official checker: passed" in shown
    assert "official checker with --submission-exceptions: passed" in shown
    assert "did not pass the official checker" in failure(failed)


def test_checker_and_preprocessing_each_run_alone_on_a_tree(cm_run: Run, options: dict[str, Any]) -> None:
    cm_run(GENERATE, **options)
    tree = {"submission_dir": options["submission_dir"]}

    inferred = cm_run("preprocess,mlperf,inference,submission", **tree)
    again = cm_run("preprocess,mlperf,inference,submission", **tree)
    checked = cm_run("run,mlperf,inference,submission,checker", **tree)

    assert inferred["new_env"]["CM_MLPERF_INFERRED_RESULTS"] == 2
    assert again["new_env"]["CM_MLPERF_INFERRED_RESULTS"] == 0
    assert checked["return"] == 0, checked


def test_truncated_logs_are_restored_from_the_results(cm_run: Run, options: dict[str, Any], results: Path) -> None:
    cm_run(GENERATE, **options)
    where = f"{SUT}/{BERT}/offline/accuracy/mlperf_log_accuracy.json"
    short = Path(options["submission_dir"]) / "open" / "Example" / "results" / where
    assert short.stat().st_size == 8199

    answer = cm_run(
        "truncate,accuracy-log,mlperf",
        submission_dir=options["submission_dir"],
        restore="yes",
        results_dir=str(results),
    )

    assert answer["return"] == 0, answer
    assert short.read_bytes() == (results / "valid_results" / where).read_bytes()


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """Return a bare repository with one commit."""
    work, bare = tmp_path / "work", tmp_path / "fork.git"
    git("init", "--quiet", work)
    (work / "README.md").write_text("Results\n", "utf-8")
    git("add", ".", cwd=work)
    git("commit", "--quiet", "-m", "first", cwd=work)
    git("clone", "--quiet", "--bare", work, bare)
    return bare


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.org")


@pytest.mark.usefixtures("identity")
def test_a_submission_is_pushed_to_a_branch_once(cm_run: Run, options: dict[str, Any], fork: Path) -> None:
    cm_run(GENERATE, **options)
    push = {"submission_dir": options["submission_dir"], "repo_url": str(fork), "commit_message": "Ours"}

    dry = cm_run("push,github,mlperf,inference,submission", **push, dry_run="yes")
    branches_after_dry = git("branch", "--list", cwd=fork)
    pushed = cm_run("push,github,mlperf,inference,submission", **push)
    again = cm_run("push,github,mlperf,inference,submission", **push)

    assert dry["return"] == 0, dry
    assert "submission-Example" not in branches_after_dry
    assert git("log", "--format=%H %s", "-1", "submission-Example", cwd=fork).split() == [
        pushed["new_env"]["CM_MLPERF_PUSHED_COMMIT"],
        "Ours",
    ]
    assert "README.md" in git("ls-tree", "--name-only", "submission-Example", cwd=fork)
    assert again["return"] == 0, again
    assert git("rev-list", "--count", "submission-Example", cwd=fork).strip() == "2"


@pytest.mark.usefixtures("identity")
def test_a_sample_is_pushed_only_where_it_is_allowed(
    cm_run: Run, options: dict[str, Any], fork: Path, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "results")
    ours(tmp_path / "results", sample=True)
    assert cm_run(GENERATE, **options, allow_sample="yes")["return"] == 0
    push = {"submission_dir": options["submission_dir"], "repo_url": str(fork)}

    refused = failure(cm_run("push,github,mlperf,inference,submission", **push))
    branches = git("branch", "--list", cwd=fork)
    pushed = cm_run("push,github,mlperf,inference,submission", **push, allow_sample="yes")

    assert "is a sample" in refused
    assert "submission-Example" not in branches
    assert pushed["return"] == 0, pushed


def test_results_without_restore_are_refused(cm_run: Run, options: dict[str, Any]) -> None:
    cm_run(GENERATE, **options)

    error = failure(
        cm_run("truncate,accuracy-log", submission_dir=options["submission_dir"], results_dir=options["results_dir"])
    )

    assert "--results_dir: has no effect without --restore" in error


def test_a_token_in_the_forks_address_is_refused(cm_run: Run, options: dict[str, Any]) -> None:
    cm_run(GENERATE, **options)

    error = failure(
        cm_run(
            "push,github,mlperf,inference,submission",
            submission_dir=options["submission_dir"],
            repo_url="https://me:t0ken@example.org/x.git",
        )
    )

    assert "carries a name or token" in error
    assert "t0ken" not in error


def test_a_repository_is_checked_against_its_commit(cm_run: Run, fork: Path) -> None:
    commit = git("rev-parse", "main", cwd=fork).strip()

    answer = cm_run("get,git,repo", url=str(fork), checkout="main", sha=commit)
    other = cm_run("get,git,repo", url=str(fork), checkout="main", sha="0" * 40)
    absent = cm_run("get,git,repo", url=str(fork), checkout="nothing")

    assert (Path(answer["new_env"]["CM_GIT_REPO_CHECKOUT_PATH"]) / "README.md").is_file()
    assert answer["new_env"]["CM_GIT_REPO_CURRENT_HASH"] == commit
    assert f"is commit {commit}, not {'0' * 40}" in failure(other)
    assert "check the address, the name and the network" in failure(absent)


@pytest.mark.parametrize(
    "selection", [{"version": "trial"}, {"src_version": "trial"}, {"adr": {"inference-src": {"version": "trial"}}}]
)
def test_the_official_checker_has_the_requested_version(
    cm_run: Run,
    options: dict[str, Any],
    checker: Path,
    tmp_path: Path,
    selection: dict[str, Any],
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = tmp_path / "inference"
    (source / "tools" / "submission").mkdir(parents=True)
    shutil.copy(checker, source / "tools" / "submission" / "submission_checker.py")
    git("init", "-q", "-b", "trial", cwd=source)
    git("add", "-A", cwd=source)
    git("commit", "-q", "-m", "a checker", cwd=source)
    url = f"file://{source}"

    if "version" in selection:
        answer = cm_run("get,mlperf,inference,src", **selection, url=url)
        assert answer["return"] == 0, answer
    else:
        answer = cm_run(GENERATE, **options, **selection, run_checker="yes", env={"CM_MLPERF_INFERENCE_URL": url})
        assert answer["return"] == 0, answer
        assert "official checker: passed" in "".join(capfd.readouterr())
