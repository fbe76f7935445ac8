"""Experiments are found by tags, are complete or absent, and resume under their name."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlperf_home.experiments.experiment import ExperimentError, Experiments
from scriptgraph.files import locks

MADE_BY = {"command": ["cm", "run", "script"], "variables": {"N": [1, 2]}}


def begin(root: Path, name: str = "one", **changes: object) -> str:
    arguments = {"kind": "grid", "tags": ["mobilenet"], "made_by": MADE_BY, "sample": True, **changes}
    return str(Experiments(root).begin(name, **arguments).folder)  # type: ignore[arg-type]


def test_an_experiment_is_found_by_tags_and_kind(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, "two", tags=["bert"], kind="import")

    assert begin(tmp_path) == str(tmp_path / "one")
    experiments = Experiments(tmp_path)
    assert [each.name for each in experiments.find(["mobilenet"])] == ["one"]
    assert [each.name for each in experiments.find(["import"])] == ["two"]
    assert len(experiments.find(())) == 2
    assert experiments.load("one").made_by == MADE_BY
    assert experiments.load("one").sample is True


def test_a_name_has_one_experiment(tmp_path: Path) -> None:
    begin(tmp_path)

    with pytest.raises(ExperimentError, match="of another command or study; use another name"):
        begin(tmp_path, made_by={})


@pytest.mark.parametrize("name", ["", "../out", ".hidden", "a/b", "a\nb", "-x"])
def test_names_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExperimentError, match="is not a name"):
        begin(tmp_path / "root", name)

    assert not list(tmp_path.iterdir())


def test_the_error_of_an_absent_name_lists_the_others(tmp_path: Path) -> None:
    begin(tmp_path)

    with pytest.raises(ExperimentError, match="there is no experiment 'other'; there are: one"):
        Experiments(tmp_path).load("other")


def test_removing_an_experiment_keeps_the_others(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, "two")

    Experiments(tmp_path).remove("one")

    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_damaged_experiment_is_reported_and_hides_no_other(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, "two")
    (tmp_path / "one" / "experiment.json").write_text("{")
    damages: list[str] = []

    assert [each.name for each in Experiments(tmp_path).find((), damages)] == ["two"]
    assert "one/experiment.json: is damaged" in damages[0]


def test_eight_processes_share_a_new_experiment(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: begin(tmp_path), range(8)))

    assert folders == {str(tmp_path / "one")}
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ExperimentError, match=r"cannot be written .*--experiments_dir"):
        begin(tmp_path / "file")


def test_a_damaged_experiment_is_removable_one_in_use_is_not(tmp_path: Path) -> None:
    experiments = Experiments(tmp_path)
    damaged, used = (experiments.begin(name, "grid", [], {}, sample=False) for name in ("damaged", "used"))
    (damaged.folder / "experiment.json").write_text("{")
    used.journal.touch()

    experiments.remove("damaged")
    with used.journal.open("a") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with pytest.raises(ExperimentError, match="is in use by a run"):
            experiments.remove("used")

    assert [path.name for path in tmp_path.iterdir()] == ["used"]
    experiments.remove("used")
    with pytest.raises(ExperimentError, match="there is no experiment 'used'"):
        experiments.remove("used")


def test_an_experiment_is_locked_until_its_name_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(tmp_path)
    used = Experiments(tmp_path).load("one")
    used.journal.write_text("")
    used.store.path.write_text("")
    held: list[bool] = []

    def replaced(folder: Path, target: Path) -> Path:
        for path in (used.journal, used.store.path):
            with path.open("a") as writer:
                held.append(not locks.acquire(writer))
        folder.rename(target)
        return target

    monkeypatch.setattr(Path, "replace", replaced)
    Experiments(tmp_path).remove("one")

    assert held == [True, True]


def test_an_experiment_that_is_imported_into_is_not_removed(tmp_path: Path) -> None:
    begin(tmp_path)
    used = Experiments(tmp_path).load("one")
    with used.store.path.open("a") as writer:
        locks.acquire(writer)
        with pytest.raises(ExperimentError, match="is in use by a run"):
            Experiments(tmp_path).remove("one")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[" * 100_000, "is nested more than 32 levels deep"),
        (b'{"name": "\xff"}', "is not UTF-8 text at byte 10"),
        (b'{"schema": 1, "name": "one", "kind": "grid", "tags": ["a", 7]}', "/tags/1: expected `str`, got `int`"),
        (b'{"schema": 2}', "/schema: invalid enum value 2"),
    ],
)
def test_a_damaged_description_is_an_error_with_its_place(tmp_path: Path, content: bytes, fault: str) -> None:
    begin(tmp_path)
    (tmp_path / "one" / "experiment.json").write_bytes(content)

    with pytest.raises(ExperimentError) as caught:
        Experiments(tmp_path).load("one")

    assert f"{tmp_path}/one/experiment.json: is damaged ({fault})" in str(caught.value)
