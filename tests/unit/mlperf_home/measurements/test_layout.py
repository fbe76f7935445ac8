"""Where results lie, and that a run takes its place whole or not at all."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from mlperf_home.measurements.layout import ACCURACY_DIR, PERFORMANCE_DIR, ResultFolder, ResultsError, result_folder

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO


def a_run(folder: ResultFolder, run: str, mark: str) -> ResultFolder:
    logs = folder.logs(run)
    logs.mkdir(parents=True)
    (logs / "mlperf_log_summary.txt").write_text(mark)
    folder.session(run).write_text(mark)
    return folder


def test_the_folder_is_as_2023_had_it(tmp_path: Path) -> None:
    folder = result_folder(tmp_path, "valid", "box-reference-cpu", "my-bert-99", "SingleStream")

    assert folder.root == tmp_path / "valid_results/box-reference-cpu/my-bert-99/singlestream"
    assert folder.logs("performance") == folder.root / "performance/run_1"
    assert folder.logs("accuracy") == folder.root / "accuracy"
    # Where a submission and its check look for them.
    assert [folder.logs(run) for run in ("performance", "accuracy")] == [
        folder.root / PERFORMANCE_DIR,
        folder.root / ACCURACY_DIR,
    ]


def test_a_run_is_complete_with_its_session_and_logs_only(tmp_path: Path) -> None:
    folder = a_run(ResultFolder(tmp_path / "r"), "performance", "first")
    assert folder.complete("performance")

    folder.session("performance").unlink()

    assert not folder.complete("performance")


def test_a_new_run_takes_the_place_of_the_old(tmp_path: Path) -> None:
    folder = a_run(ResultFolder(tmp_path / "r"), "performance", "first")
    fresh = a_run(ResultFolder(tmp_path / "new"), "performance", "second")

    folder.adopt("performance", fresh)

    assert folder.session("performance").read_text() == "second"
    assert (folder.logs("performance") / "mlperf_log_summary.txt").read_text() == "second"
    assert folder.complete("performance")


def test_only_one_run_at_a_time_holds_a_folder(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "r")

    with folder.held(), pytest.raises(ResultsError, match="another run"), ResultFolder(tmp_path / "r").held():
        pass
    with folder.held():
        pass


def test_a_run_that_wrote_nothing_leaves_nothing(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "results" / "system" / "offline")

    with pytest.raises(ValueError, match="refused"), folder.held():
        raise ValueError("refused")

    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    folder = ResultFolder(tmp_path / "results" / "offline")

    with folder.held():
        a_run(folder, "accuracy", "mine")
    with ResultFolder(tmp_path / "results" / "server").held():
        pass

    assert [path.name for path in (tmp_path / "results").iterdir()] == ["offline"]
    assert folder.complete("accuracy")


def test_a_lock_that_was_taken_away_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ResultFolder(tmp_path / "r")
    flock = fcntl.flock

    def taken_away(handle: TextIO, how: int) -> None:
        (folder.root / ".lock").unlink()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", taken_away)
    with pytest.raises(ResultsError, match="another run"), folder.held():
        pass


def test_what_is_set_aside_is_kept(tmp_path: Path) -> None:
    folder = a_run(ResultFolder(tmp_path / "r"), "accuracy", "mine")

    aside = folder.set_aside()

    assert aside is not None
    assert not folder.root.exists()
    assert (aside / "accuracy-session.json").read_text() == "mine"
    assert ResultFolder(tmp_path / "nothing").set_aside() is None
