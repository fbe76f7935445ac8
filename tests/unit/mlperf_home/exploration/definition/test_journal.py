"""A journal stores documents; a damaged line, or one of another kind, is reported with its file and number."""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.studies.journal import AccuracyCount, Observation, PointFailure, TrialEnd
from mlperf_home.exploration.definition import journal as journals
from mlperf_home.exploration.definition.journal import Journal, JournalError, read_observations
from scriptgraph.files import line_file
from scriptgraph.files.json_reader import Limits

if TYPE_CHECKING:
    from pathlib import Path

STUDY = {"made_by": {"command": ["cm"]}}
SEEN = Observation({"latency_ms": 1.5}, 10, 2.0)
COUNT = AccuracyCount(7.5, 10, 1.0)


def line(entry: Any) -> str:
    text = json.dumps(entry, sort_keys=True)
    return f'{{"crc32": {zlib.crc32(text.encode())}, "entry": {text}}}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with an observation of each kind."""
    with Journal(tmp_path / "journal.jsonl", STUDY) as journal:
        journal.add("probe/0/a", SEEN)
        journal.add("check/0-10/a", COUNT)
        journal.add("failed/b", PointFailure(problem="killed", advice="see the log"))
    return tmp_path / "journal.jsonl"


def test_stored_observations_are_found_again(path: Path) -> None:
    with Journal(path, STUDY) as journal:
        assert journal.find("probe/0/a", Observation) == SEEN
        assert journal.find("check/0-10/a", AccuracyCount) == COUNT
        assert journal.find("failed/b", PointFailure) == PointFailure(problem="killed", advice="see the log")
        assert journal.find("probe/1/a", Observation) is None
        assert journal.damages == []


def test_an_observation_of_another_kind_is_an_error(path: Path) -> None:
    with Journal(path, STUDY) as journal, pytest.raises(JournalError) as caught:
        journal.find("probe/0/a", AccuracyCount)

    assert str(path) in str(caught.value)
    assert "probe/0/a: object missing required field `correct`" in str(caught.value)
    damages: list[str] = []
    assert read_observations(path, AccuracyCount, damages) == {"check/0-10/a": COUNT}
    assert damages[0].startswith(f"{path}: probe/0/a: object missing required field")


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("[" * 100_000 + "\n", "is nested more than 32 levels deep"),
        ('{"crc32": 1, "entry": 2}\n', "expected `object`, got `int`"),
        ('{"crc32": 1, "entry": {"key": "a", "observed": 1}}\n', "has another checksum"),
        (line({"key": 1, "observed": 2}), "expected `str`, got `int`"),
        (line({"other": 1}), "object missing required field `key`"),
        ("x" * 5000 + "\n", "has more than 1,000 bytes"),
        ('{"crc32": 1, "ent', "is not JSON"),
    ],
    ids=["deep", "type", "checksum", "key", "other", "long", "cut"],
)
def test_a_damaged_line_is_reported_and_others_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, written: str, fault: str
) -> None:
    monkeypatch.setattr(journals, "LINE_LIMITS", Limits(200_000 if "[[" in written else 1000, 32, 200_000))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], written, "\n" if not written.endswith("\n") else "", *lines[2:]]))

    with Journal(path, STUDY) as journal:
        assert journal.find("check/0-10/a", AccuracyCount) == COUNT
        (damage,) = journal.damages

    assert damage.startswith(f"{path}: line 3 is damaged (")
    assert damage.endswith("); its observation is measured again")
    assert fault in damage


def test_a_line_after_a_cut_line_is_readable(path: Path) -> None:
    with path.open("a") as file:
        file.write('{"crc32": 1, "ent')

    with Journal(path, STUDY) as journal:
        journal.add("probe/1/a", SEEN)
    damages: list[str] = []
    stored = read_observations(path, dict, damages)

    assert list(stored) == ["probe/0/a", "check/0-10/a", "failed/b", "probe/1/a"]
    assert damages == []  # the cut line is gone


def test_infinity_is_not_written(path: Path) -> None:
    before = path.read_bytes()

    with Journal(path, STUDY) as journal, pytest.raises(ValueError, match="not JSON compliant"):
        journal.add("probe/1/a", Observation({"latency_ms": math.inf}, 1, 1.0))

    assert path.read_bytes() == before


def test_a_trial_end_of_version_0_1_is_readable(path: Path) -> None:
    with Journal(path, STUDY) as journal:
        journal.add("t", {"ok": True, "told": "done", "log": "/log", "measurements": ["id"], "later": 1})
        found = journal.find("t", TrialEnd)

    assert found == TrialEnd(ok=True, told="done", log="/log", measurements=("id",))


def test_damage_is_told_at_the_first_start_alone(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, "damaged\n", '{"crc32": 1, "ent']))

    with Journal(path, STUDY) as journal:
        assert [each.partition(" is damaged")[0] for each in journal.damages] == [
            f"{path}: line 5",
            f"{path}: line 6",
        ]
    with Journal(path, STUDY) as journal:
        assert journal.damages == []


def test_an_observation_on_a_full_disk_leaves_the_journal_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(descriptor: int, content: bytes) -> int:
        write(descriptor, bytes(content)[:7])
        raise OSError(28, "No space left on device")

    write, before = line_file.os.write, path.read_bytes()
    with Journal(path, STUDY) as journal:
        monkeypatch.setattr(line_file.os, "write", fill)
        with pytest.raises(OSError, match="No space left"):
            journal.add("probe/1/a", SEEN)
        monkeypatch.undo()

    assert path.read_bytes() == before


def test_a_journal_that_is_removed_meanwhile_is_not_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire = journals.locks.acquire

    def acquire_late(file: Any) -> bool:
        path.unlink()
        return acquire(file)

    monkeypatch.setattr(journals.locks, "acquire", acquire_late)

    with pytest.raises(JournalError, match="was removed meanwhile, with its experiment; repeat the command"):
        Journal(path, STUDY)
