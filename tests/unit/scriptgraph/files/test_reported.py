"""A fault that stays in a file is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.files.reported import not_yet_reported

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fault_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"

    assert not_yet_reported(path, ["line 1 is damaged", "line 1 is damaged"]) == ["line 1 is damaged"]
    assert not_yet_reported(path, ["line 1 is damaged", "line 2 \udcff"]) == ["line 2 \udcff"]
    assert not_yet_reported(path, ["line 1 is damaged"]) == []


def test_without_faults_no_file_is_made(tmp_path: Path) -> None:
    assert not_yet_reported(tmp_path / "lines.jsonl", []) == []
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_memory_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / ".lines.jsonl.reported.json").write_text("[" * 100_000)

    assert not_yet_reported(tmp_path / "lines.jsonl", ["damaged"]) == ["damaged"]
    assert not_yet_reported(tmp_path / "lines.jsonl", ["damaged"]) == []


def test_where_nothing_can_be_remembered_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")

    assert not_yet_reported(tmp_path / "folder" / "lines.jsonl", ["damaged"]) == ["damaged"]
