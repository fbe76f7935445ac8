"""`python -m mlperf_home.environments` writes locks with their header, or keeps the old ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.environments import ENVIRONMENTS, __main__
from scriptgraph.python_env.uv import EnvironmentFailed, Uv

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def test_lock_file_begins_with_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Sequence[str], str]] = []

    def lock(_uv: Uv, requirements: Sequence[str], python_version: str, _run: object) -> str:
        calls.append((requirements, python_version))
        return "chosen==1\n"

    monkeypatch.setattr(__main__, "lock", lock)

    lines = __main__.lock_text(Uv(Path("uv")), ENVIRONMENTS["deepsparse"]).splitlines()

    assert lines[1:] == [
        "# CPython 3.10 to 3.11, Linux, x86_64 and aarch64.",
        "# compiled where there is no wheel: mlcommons-loadgen",
        "chosen==1",
    ]
    assert "deepsparse==1.8.0" in calls[0][0]
    assert calls[0][1] == "3.10"


def test_failure_is_one_line_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lock(*_: object) -> str:
        raise EnvironmentFailed("the package index cannot be reached")

    monkeypatch.setattr(__main__, "lock", lock)
    before = ENVIRONMENTS["deepsparse"].lock.read_bytes()

    assert __main__.main() == 1
    assert capsys.readouterr().err == "the package index cannot be reached\n"
    assert ENVIRONMENTS["deepsparse"].lock.read_bytes() == before
