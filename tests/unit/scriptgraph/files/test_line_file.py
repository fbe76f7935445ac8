"""Batches of lines are appended whole or not at all, whatever ends their writer."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.files import line_file
from scriptgraph.files.line_file import LineFile, append_whole, mend_last_line, read_lines

if TYPE_CHECKING:
    from pathlib import Path

BATCH = [b"first\n", b"second\n", b"third\n"]


class KilledError(BaseException):
    """Ends a writer as SIGKILL does: nothing after it is executed."""


@pytest.fixture
def file(tmp_path: Path) -> LineFile:
    made = LineFile(tmp_path / "lines.jsonl")
    with made.held() as opened:
        made.append(opened, [b"before\n"])
    return made


def append(file: LineFile, lines: list[bytes]) -> None:
    with file.held() as opened:
        file.append(opened, lines)


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int, *, killed: bool) -> None:
    """End the next append after some bytes: by an error, or by a kill, after which nothing is mended."""
    write = os.write

    def write_part(descriptor: int, content: Any) -> int:
        write(descriptor, bytes(content)[:after])
        if killed:
            monkeypatch.setattr(line_file.os, "ftruncate", lambda *_: None)
            raise KilledError
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(line_file.os, "write", write_part)


@pytest.mark.parametrize("after", [0, 3, 6, 9, 13])
def test_a_failed_append_leaves_the_file_as_it_was(file: LineFile, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    with monkeypatch.context() as failing:
        interrupt(failing, after, killed=False)
        with pytest.raises(OSError, match="No space left"):
            append(file, BATCH)

    assert file.path.read_bytes() == b"before\n"
    append(file, BATCH)
    assert file.path.read_bytes() == b"before\n" + b"".join(BATCH)
    assert [path.name for path in file.path.parent.iterdir()] == ["lines.jsonl"]


@pytest.mark.parametrize("after", [0, 3, 6, 9, 13, 19])
def test_a_killed_batch_is_ignored_and_then_cut(file: LineFile, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    with monkeypatch.context() as killing:
        interrupt(killing, after, killed=True)
        with pytest.raises(KilledError):
            append(file, BATCH)

    assert file.path.read_bytes() == b"before\n" + b"".join(BATCH)[:after]
    assert file.size() == len(b"before\n")
    append(file, [b"other\n"])
    assert file.path.read_bytes() == b"before\nother\n"
    assert file.size() == len(b"before\nother\n")


def test_a_damaged_announcement_changes_nothing(file: LineFile) -> None:
    file.path.with_name(".lines.jsonl.appending").write_bytes(b"9" * 5000)

    append(file, BATCH)

    assert file.path.read_bytes() == b"before\n" + b"".join(BATCH)


def test_an_absent_file_has_no_bytes(tmp_path: Path) -> None:
    assert LineFile(tmp_path / "none").size() == 0


@pytest.mark.parametrize(
    ("content", "whole", "left", "cut"),
    [
        (b"a\nbc", False, b"a\n", b"bc"),
        (b"a\nbc", True, b"a\nbc\n", b""),
        (b"a\n", False, b"a\n", b""),
        (b"", False, b"", b""),
        (b"bc", False, b"", b"bc"),
        (b"a\n" + b"x" * 3_000_000, False, b"a\n", b"x" * 3_000_000),
    ],
)
def test_a_last_line_is_ended_or_cut(tmp_path: Path, content: bytes, whole: bool, left: bytes, cut: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(content)

    with path.open("a+b") as opened:
        assert mend_last_line(opened, lambda _: whole) == cut

    assert path.read_bytes() == left


def test_a_long_line_is_cut_while_reading(tmp_path: Path) -> None:
    content = io.BytesIO(b"a\n" + b"x" * 3_000_000 + b"\nb")

    assert [line[:12] for line in read_lines(content, 10)] == [b"a\n", b"x" * 12, b"b"]


def test_an_interrupted_append_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "lines"
    with path.open("a+b") as opened, monkeypatch.context() as interrupting:
        append_whole(opened, b"a\n")
        interrupting.setattr(line_file.os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            append_whole(opened, b"b\n")

    assert path.read_bytes() == b"a\n"
