"""A program asks this process while it runs, and gets an answer for each line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from scriptgraph.process import programs

ASKS = """
import os
write, read = map(int, os.environ["SCRIPTGRAPH_REQUESTS"].split(","))
replies = os.fdopen(read)
for text in ("one", "two"):
    os.write(write, (text + "\\n").encode())
    print(replies.readline().strip())
"""


def run(code: str, folder: Path, serve: object) -> list[str]:
    lines: list[str] = []
    programs.run(
        [sys.executable, "-c", code], env=dict(os.environ), cwd=folder, log=folder / "log", on_line=lines.append,
        serve=serve,
    )  # type: ignore[call-arg, arg-type] # fmt: skip
    return lines


def test_each_request_is_answered(tmp_path: Path) -> None:
    assert run(ASKS, tmp_path, str.upper) == ["ONE", "TWO"]


def test_a_long_answer_arrives_whole(tmp_path: Path) -> None:
    code = ASKS.replace("print(replies.readline().strip())", "print(len(replies.readline()))")

    assert run(code, tmp_path, lambda _line: "x" * 300_000) == ["300001", "300001"]


def test_a_failing_answer_ends_the_program(tmp_path: Path) -> None:
    def fail(_line: str) -> str:
        raise KeyError("no answer")

    with pytest.raises(KeyError, match="no answer"):
        run(ASKS + "\nimport time; time.sleep(600)", tmp_path, fail)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    run(ASKS, tmp_path, str.upper)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
