"""Bundles are imported as measurements after they are verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from challenge_homes import challenge_home

from mlperf_home.steps.bundle_import import bundles_at, read_bundles

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_measurements_of_valid_bundles_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = challenge_home(tmp_path, monkeypatch).bundle(only="first")
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "good.tar.gz").write_bytes(bundle.read_bytes())
    (folder / "cut.tar.gz").write_bytes(bundle.read_bytes()[:2000])
    problems: list[str] = []

    found = read_bundles(bundles_at(folder), tmp_path / "scratch", problems)

    assert [each.sample for each in found.measurements] == [True]
    assert found.kind == "folder of 2 bundles"
    assert [problem.partition(": ")[0] for problem in problems] == [str(folder / "cut.tar.gz")]


def test_other_files_are_no_bundles(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("")
    assert bundles_at(tmp_path / "table.csv") == []
    assert bundles_at(tmp_path) == []
