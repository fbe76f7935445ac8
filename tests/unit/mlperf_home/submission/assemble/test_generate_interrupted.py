"""A generation that is killed or interrupted leaves the old tree or the new one, and can be repeated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from generated_trees import contents, submission_request
from submission_results import foreign, ours
from submission_tree import MOBILENET, RULES

from mlperf_home.submission.assemble.generate import generate, infer_tree
from mlperf_home.submission.assemble.generate import generate as generate_function


@pytest.mark.parametrize(
    "step", ["copytree", "_write", "_write_systems", "write_documents", "infer_scenarios", "_swap"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_run_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str) -> None:
    class Killed(BaseException):
        pass

    module = __import__(generate_function.__module__, fromlist=["generate"])
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path, infer=True))
    ours(tmp_path / "results")
    expected = submission_request(tmp_path, submission_dir=tmp_path / "expected", infer=True)
    shutil.copytree(tmp_path / "tree", tmp_path / "expected")
    generate(expected)
    # The first copied tree is the old one.
    owner = shutil if step == "copytree" else module
    original = getattr(owner, step)

    def killed(*args: Any, **named: Any) -> Any:
        if when == "after":
            original(*args, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            generate(submission_request(tmp_path, infer=True))
    generate(submission_request(tmp_path, infer=True))

    assert contents(tmp_path / "tree") == contents(tmp_path / "expected")


def test_a_run_killed_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    folder = generate(submission_request(tmp_path)).folder
    before = contents(folder)
    partial = tmp_path / "tree" / ".mlperf-home-partial"
    partial.mkdir()
    folder.rename(partial / "old")
    shutil.rmtree(tmp_path / "results")
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")

    generate(submission_request(tmp_path))

    assert before.items() - contents(folder).items() <= {
        (name, before[name]) for name in before if name.startswith(("systems/", "code/"))
    }
    assert not partial.exists()


@pytest.mark.parametrize("moment", range(8))
def test_a_killed_inference_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    class Killed(BaseException):
        pass

    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path))
    shutil.copytree(tmp_path / "tree", tmp_path / "expected")
    infer_tree(tmp_path / "expected", RULES)
    moments = iter(range(100))

    def stopping(original: Any) -> Any:
        def stopped(*args: Any, **named: Any) -> Any:
            if next(moments) == moment:
                raise Killed
            return original(*args, **named)

        return stopped

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", stopping(shutil.copytree))
        patch.setattr(Path, "rename", stopping(Path.rename))
        with pytest.raises(Killed):
            infer_tree(tmp_path / "tree", RULES)
    infer_tree(tmp_path / "tree", RULES)

    assert contents(tmp_path / "tree") == contents(tmp_path / "expected")


def test_an_interruption_is_not_reported_as_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(tmp_path / "results")

    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("os.sync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        generate(submission_request(tmp_path))
    assert list((tmp_path / "tree").iterdir()) == [], "nothing half-written"


def test_an_interruption_between_two_renames_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(tmp_path / "results")
    generate(submission_request(tmp_path))
    before = contents(tmp_path / "tree")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "Example" and ".mlperf-home-partial" in self.parts and target.parent.name == "open":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(submission_request(tmp_path))

    assert contents(tmp_path / "tree") == before
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["open"]
