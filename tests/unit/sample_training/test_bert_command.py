"""The training command's errors, on any Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_training import bert

from mlperf_home.samples.questions.squad import SEED

if TYPE_CHECKING:
    from pathlib import Path


def test_without_the_packages_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bert, "PACKAGES", ("no-such-package",))
    assert bert.main(["--out", str(tmp_path / "out")]) != 0
    problem = capsys.readouterr().err
    assert "no-such-package" in problem
    assert "requirements.txt" in problem
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--seed", str(SEED)], "seed"), (["--resume", "/no/such.pt"], "no such file")]
)
def test_what_cannot_be_trained_is_an_error_in_words(
    arguments: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bert, "PACKAGES", ())
    assert bert.main(["--out", str(tmp_path / "out"), *arguments]) != 0
    problem = capsys.readouterr().err
    assert word in problem
    assert problem.count("\n") == 1
