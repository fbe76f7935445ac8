"""A board without a server: the steps of its workflows, run against a local bare repository."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from board_homes import contributors, needs_ssh
from board_repositories import Hub, runner_environment
from cm_command import fresh_cm

from mlperf_home.contracts.leaderboard.events import Receipt
from mlperf_home.leaderboard.store.board import Board

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    needs_ssh,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    for made in contributors(tmp_path_factory.mktemp("senders")):
        ada, bob = made.bundle("Ada", "ada").read_bytes(), made.bundle("Bob", "bob").read_bytes()
        yield {"ada": ada, "bob": bob, "damaged": bob[:3000]}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    pytest.importorskip("scipy", reason="the judge needs SciPy")
    folder = tmp_path_factory.mktemp("hub")
    cm = fresh_cm(folder / "cm")
    made = cm.script("create,board,repo,_sample", f"--out_dir={folder / 'made'}")
    assert made.code == 0, made.output
    again = cm.script("create,board,repo,_sample", f"--out_dir={folder / 'made'}")
    assert again.code == 1
    assert "name a new folder" in again.output
    hub = Hub(folder, runner_environment(cm.environment, cm.program, folder / "bin"))
    hub.begin(folder / "made")
    return hub


@pytest.fixture(scope="module")
def first_run(hub: Hub, bundles: dict[str, bytes]) -> tuple[str, Path]:
    """Return summary and site of the first run, after Ada's bundle was merged."""
    hub.merge({"bundles/ada/1.tar.gz": bundles["ada"]})
    return hub.board()


def test_a_good_bundle_passes(hub: Hub, bundles: dict[str, bytes]) -> None:
    code, summary = hub.pull_request({"bundles/bob/1.tar.gz": bundles["bob"]})

    assert code == 0, summary
    assert "good:\n\n    bundles/bob/1.tar.gz" in summary
    assert "1 taken, 0 known, 0 refused" in summary
    assert "outside bundles/" not in summary


def test_what_is_wrong_is_in_the_summary(hub: Hub, bundles: dict[str, bytes]) -> None:
    files = {
        "bundles/bob/1.tar.gz": bundles["damaged"],
        "bundles/`touch x`/$(touch x)\n::error::.tar.gz": bundles["bob"],
        "bundles/bob.zip": b"",
        "README.md": b"mine",
    }
    code, summary = hub.pull_request(files)

    assert code == 1
    assert "3 bundles were refused" in summary
    assert "is damaged (Compressed file ended before" in summary
    assert "has a name with other characters" in summary
    assert "is no .tar.gz file" in summary
    assert "It changes files outside bundles/" in summary
    assert "good:" not in summary
    assert not any(line.lstrip().startswith("::") for line in summary.splitlines())


def test_main_becomes_a_board_and_a_site(first_run: tuple[str, Path]) -> None:
    summary, site = first_run

    assert "1 taken, 0 known, 0 refused" in summary
    assert "cpu-board" in (site / "index.html").read_text()
    assert "Ada" in (site / "contributors.html").read_text()
    assert len(list((site / "bundles").glob("*.tar.gz"))) == 1


@pytest.mark.usefixtures("first_run")
def test_the_board_remembers_what_came_first(hub: Hub, bundles: dict[str, bytes], tmp_path: Path) -> None:
    hub.merge({"bundles/0/1.tar.gz": bundles["bob"]})
    summary, _ = hub.board()
    hub.git(tmp_path, "clone", "-b", "board", hub.remote.as_uri(), "board")

    assert "1 taken, 1 known, 0 refused" in summary
    board = Board(tmp_path / "board")
    receipts = [each for each in board.journal.events() if isinstance(each, Receipt)]
    assert [each.batch for each in receipts] == [1, 2]
    assert sorted(known.name for known in board.names().values()) == ["Ada", "Bob"]
    assert hub.git(board.folder, "rev-list", "--count", "HEAD").strip() == "2"
    assert not list(board.folder.glob("index.sqlite*"))
