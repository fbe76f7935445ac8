"""The first-ever commands of our own program, all at once in an empty CM_REPOS: they all succeed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cm_command import CM, Cm
from rounds import rounds

if TYPE_CHECKING:
    from pathlib import Path

# Four that cmind's files are not needed for, and four that cmind answers from its files.
COMMANDS = [
    ("run", "script", "--tags=detect,os"),
    ("run", "script", "--tags=detect,cpu"),
    ("find", "script", "detect"),
    ("find", "cache"),
    *[("find", "repo")] * 2,
    *[("find", "automation")] * 2,
]


@pytest.mark.parametrize("number", rounds(2, 20))
def test_eight_first_commands_at_once_succeed(tmp_path: Path, number: int) -> None:
    program = CM.with_name("mlperf-home")
    if not program.exists():
        pytest.skip("mlperf-home is not installed beside this Python")
    own = Cm(tmp_path, program)
    own.environment["CM_REPOS"] = str(tmp_path / "empty")
    first = number % len(COMMANDS)
    started = [own.start(*words) for words in COMMANDS[first:] + COMMANDS[:first]]
    ended = [(*process.communicate(), process.returncode) for process in started]

    empty = tmp_path / "empty"
    assert [code for _, _, code in ended] == [0] * len(COMMANDS), ended
    assert not any("WARNING" in out for out, _, _ in ended)
    assert json.loads((empty / "repos.json").read_text()) == []
    assert str(empty / ".first-use") not in (empty / "index.json").read_text()
    assert sorted(path.name for path in empty.iterdir()) == ["index.json", "mlperf-home", "repos", "repos.json"]
