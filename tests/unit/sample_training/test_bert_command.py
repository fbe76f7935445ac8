"""The training command's errors, without its packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_training import bert

from mlperf_home.samples.questions.squad import SEED

if TYPE_CHECKING:
    from pathlib import Path


def test_missing_packages_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bert, "PACKAGES", ("no-such-package",))
    assert bert.main(["--out", str(tmp_path / "out")]) != 0
    problem = capsys.readouterr().err
    assert "no-such-package" in problem
    assert "requirements.txt" in problem
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--seed", str(SEED)], "seed"), (["--resume", "/no/such.pt"], "does not exist")]
)
def test_unusable_options_are_an_error(
    arguments: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bert, "PACKAGES", ())
    assert bert.main(["--out", str(tmp_path / "out"), *arguments]) != 0
    problem = capsys.readouterr().err
    assert word in problem
    assert problem.count("\n") == 1
