"""A collector that is killed at any moment loses nothing, and judges nothing twice differently."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from board_homes import Contributors, contributors, needs_ssh, taken
from s3_servers import BUCKET, s3_server

from mlperf_home.contracts.leaderboard.events import Receipt
from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_ssh

_COLLECT = """
import sys
from pathlib import Path
from board_homes import taken
from mlperf_home.leaderboard.store.board import Board
print("begun", flush=True)
taken(Board(Path(sys.argv[1])), *map(Path, sys.argv[3:]), objects=sys.argv[2])
"""


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contributors]:
    yield from contributors(tmp_path_factory.mktemp("senders"))


@pytest.fixture(scope="module")
def bundles(senders: Contributors) -> list[Path]:
    return [senders.bundle(name, name.lower()) for name in ("Ada", "Bob")]


@pytest.fixture(params=["folder", "s3"])
def places(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the place of objects, with a field for the number of a board; "" for its folder."""
    if request.param == "folder":
        yield ""
    else:
        with s3_server():
            yield f"s3://{BUCKET}/board-{{}}"


@pytest.mark.parametrize("rounds", [3, pytest.param(200, marks=pytest.mark.long)])
def test_killed_collectors_lose_nothing(tmp_path: Path, bundles: list[Path], places: str, rounds: int) -> None:
    for number in range(rounds):
        board, objects = Board(tmp_path / f"board-{number}"), places.format(number)
        argv = [sys.executable, "-c", _COLLECT, str(board.folder), objects, *map(str, bundles)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, env=_environment())
        assert process.stdout is not None
        process.stdout.readline()
        try:
            # Not how long it takes matters, but that the kill comes at another moment each time.
            process.wait(timeout=random.Random(number).uniform(0.0, 4.0))  # noqa: S311 - no secret
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        process.stdout.close()
        receipted = {each.bundle for each in board.journal.events() if isinstance(each, Receipt)}
        found = taken(board, *bundles, objects=objects)
        assert not found.refused
        assert len(found.taken) + len(found.known) == len(bundles)
        events = [each for each in board.journal.events() if isinstance(each, Receipt)]
        assert receipted <= {each.bundle for each in events}
        assert [each.number for each in events] == list(range(1, len(bundles) + 1))
        for path in board.folder.glob("index.sqlite*"):
            path.unlink()
        with closing(BoardIndex(board, stored_rows(board))) as index:
            assert len(index.results()) == len(bundles)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}


def test_two_collectors_at_once_take_each_bundle_once(tmp_path: Path, bundles: list[Path]) -> None:
    board = Board(tmp_path / "board")
    argv = [sys.executable, "-c", _COLLECT, str(board.folder), "", *map(str, bundles)]
    both = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=_environment()) for _ in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert [each.number for each in board.journal.events() if isinstance(each, Receipt)] == [1, 2]
