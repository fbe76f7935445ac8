"""The layout of results; a run is moved there completely or not at all."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from mlperf_home.measurements.layout import (
    ACCURACY_DIR,
    PERFORMANCE_DIR,
    ResultFolder,
    ResultsError,
    result_folder,
    style_folder,
    style_of,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO


def write_run(folder: ResultFolder, run: str, mark: str) -> ResultFolder:
    logs = folder.logs(run)
    logs.mkdir(parents=True)
    (logs / "mlperf_log_summary.txt").write_text(mark)
    folder.session(run).write_text(mark)
    return folder


def test_the_layout_is_that_of_2023(tmp_path: Path) -> None:
    folder = result_folder(tmp_path, "valid", "v3.1", ("box-reference-cpu", "my-bert-99", "SingleStream"))

    assert folder.root == tmp_path / "valid_results/box-reference-cpu/my-bert-99/singlestream"
    assert folder.logs("performance") == folder.root / "performance/run_1"
    assert folder.logs("accuracy") == folder.root / "accuracy"
    # A submission and its check expect these folders.
    assert [folder.logs(run) for run in ("performance", "accuracy")] == [
        folder.root / PERFORMANCE_DIR,
        folder.root / ACCURACY_DIR,
    ]


def test_each_round_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folder = result_folder(tmp_path, "valid", "v6.1", ("box-reference-cpu", "my-bert-99", "SingleStream"))

    assert folder.root == tmp_path / "valid-v6.1_results/box-reference-cpu/my-bert-99/singlestream"
    assert [style_of(style_folder("fast", name)) for name in ("v3.1", "v6.1")] == ["fast", "fast"]


def test_a_complete_run_has_its_session_and_its_logs(tmp_path: Path) -> None:
    folder = write_run(ResultFolder(tmp_path / "r"), "performance", "first")
    assert folder.complete("performance")

    folder.session("performance").unlink()

    assert not folder.complete("performance")


def test_a_new_run_replaces_the_old_one(tmp_path: Path) -> None:
    folder = write_run(ResultFolder(tmp_path / "r"), "performance", "first")
    fresh = write_run(ResultFolder(tmp_path / "new"), "performance", "second")

    folder.adopt("performance", fresh)

    assert folder.session("performance").read_text() == "second"
    assert (folder.logs("performance") / "mlperf_log_summary.txt").read_text() == "second"
    assert folder.complete("performance")


def test_only_one_run_at_a_time_locks_a_folder(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "r")

    with folder.held(), pytest.raises(ResultsError, match="another run"), ResultFolder(tmp_path / "r").held():
        pass
    with folder.held():
        pass


def test_a_run_without_files_leaves_no_folders(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "results" / "system" / "offline")

    with pytest.raises(ValueError, match="refused"), folder.held():
        raise ValueError("refused")

    assert list(tmp_path.iterdir()) == []


def test_existing_folders_and_results_stay(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    folder = ResultFolder(tmp_path / "results" / "offline")

    with folder.held():
        write_run(folder, "accuracy", "mine")
    with ResultFolder(tmp_path / "results" / "server").held():
        pass

    assert [path.name for path in (tmp_path / "results").iterdir()] == ["offline"]
    assert folder.complete("accuracy")


def test_a_removed_lock_file_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ResultFolder(tmp_path / "r")
    flock = fcntl.flock

    def remove_and_lock(handle: TextIO, how: int) -> None:
        (folder.root / ".lock").unlink()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", remove_and_lock)
    with pytest.raises(ResultsError, match="another run"), folder.held():
        pass


def test_results_that_are_set_aside_stay_readable(tmp_path: Path) -> None:
    folder = write_run(ResultFolder(tmp_path / "r"), "accuracy", "mine")

    aside = folder.set_aside()

    assert aside is not None
    assert not folder.root.exists()
    assert (aside / "accuracy-session.json").read_text() == "mine"
    assert ResultFolder(tmp_path / "nothing").set_aside() is None
