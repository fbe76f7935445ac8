"""Truncation: the tree has the short logs, another folder has the originals, and none is ever lost."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlperf_home.loadgen_logs.accuracy_log import KEPT_BYTES
from mlperf_home.rules import load_round, round_names
from mlperf_home.submission.check.places import lock_submission
from mlperf_home.submission.truncation import (
    LIMIT_BYTES,
    TruncationError,
    fetch_originals,
    restore_tree,
    truncate_log,
    truncate_tree,
)
from scriptgraph.files import atomic

MARK = b"\n\n...\n\n"
LONG = bytes(range(256)) * 200
SCORE = '{"exact_match": 83.5, "f1": 90.1}\n'


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _make(folder: Path, content: bytes = LONG, accuracy: str = SCORE) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    log, accuracy_txt = folder / "mlperf_log_accuracy.json", folder / "accuracy.txt"
    log.write_bytes(content)
    accuracy_txt.write_text(accuracy)
    return log, accuracy_txt


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_long_log_keeps_its_ends(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path / "accuracy")
    report = truncate_log(log, accuracy_txt, tmp_path / "originals")
    assert log.read_bytes() == LONG[:4096] + MARK + LONG[-4096:]
    assert log.stat().st_size == report.size_bytes == 8199
    assert accuracy_txt.read_text() == SCORE + f"hash={_sha256(LONG)}\n"
    assert (report.outcome, report.sha256) == ("truncated", _sha256(LONG))
    assert report.original is not None
    assert report.original.read_bytes() == LONG
    assert _sha256(LONG) in report.original.name


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 30_000), st.booleans())
@example(4095, True)
@example(4096, True)
@example(8199, True)
@example(10 * 1024 - 1, True)
@example(10 * 1024, False)
@example(10 * 1024, True)
def test_truncation_is_idempotent_and_can_be_undone(
    tmp_path_factory: pytest.TempPathFactory, size_bytes: int, hashed: bool
) -> None:
    folder = tmp_path_factory.mktemp("run")
    content = LONG[:size_bytes]
    log, accuracy_txt = _make(folder / "accuracy", content, SCORE + (f"hash={_sha256(content)}\n" if hashed else ""))
    first = truncate_log(log, accuracy_txt, folder / "originals")
    once = _tree(folder)
    second = truncate_log(log, accuracy_txt, folder / "originals")
    assert _tree(folder) == once
    assert second.outcome == "unchanged"
    assert second.sha256 == first.sha256 == _sha256(content)
    assert accuracy_txt.read_text() == SCORE + f"hash={_sha256(content)}\n"
    assert log.stat().st_size <= 10 * 1024
    assert (log.read_bytes() == content) == (size_bytes < 10 * 1024)
    restore_tree(log.parent, originals=folder / "originals")
    assert log.read_bytes() == content


def test_the_hash_has_a_line_of_its_own(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path, accuracy=SCORE.strip())
    truncate_log(log, accuracy_txt, tmp_path / "originals")
    assert accuracy_txt.read_text() == SCORE + f"hash={_sha256(LONG)}\n"


def test_a_tree_is_truncated_and_restored(tmp_path: Path) -> None:
    root, originals = tmp_path / "tree", tmp_path / "kept" / "originals"
    results = root / "open" / "Me" / "results" / "sut" / "bert-99"
    _make(results / "offline" / "accuracy")
    _make(results / "singlestream" / "accuracy", LONG * 2)
    _make(root / "closed" / "Me" / "compliance" / "sut" / "bert-99" / "offline" / "TEST01" / "accuracy", b"[]")
    performance = results / "offline" / "performance" / "run_1"
    performance.mkdir(parents=True)
    (performance / "mlperf_log_accuracy.json").write_bytes(b"[\n]\n")
    before = _tree(root)

    report = truncate_tree(root, originals=originals)
    assert report.count == 2
    assert [log.outcome for log in report.logs] == ["hashed", "truncated", "truncated"]
    assert (performance / "mlperf_log_accuracy.json").read_bytes() == b"[\n]\n"
    kept = originals / "open/Me/results/sut/bert-99/offline/accuracy" / f"mlperf_log_accuracy.{_sha256(LONG)}.json"
    assert kept.read_bytes() == LONG
    assert truncate_tree(root, originals=originals).count == 0

    assert restore_tree(root, originals=originals).count == 2
    after = _tree(root)
    assert {name: after[name] for name in after if name.endswith(".json")} == {
        name: before[name] for name in before if name.endswith(".json")
    }
    assert kept.read_bytes() == LONG


def test_a_later_run_keeps_the_earlier_original(tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    log, accuracy_txt = _make(tmp_path / "accuracy")
    truncate_log(log, accuracy_txt, originals)
    _make(tmp_path / "accuracy", LONG[::-1])
    truncate_log(log, accuracy_txt, originals)
    assert {path.read_bytes() for path in originals.iterdir()} == {LONG, LONG[::-1]}


def test_a_truncated_log_is_never_hashed(tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    log, accuracy_txt = _make(tmp_path / "accuracy")
    truncate_log(log, accuracy_txt, originals)
    # The accuracy was computed again, without the hash.
    accuracy_txt.write_text(SCORE)
    assert truncate_log(log, accuracy_txt, originals).sha256 == _sha256(LONG)
    assert accuracy_txt.read_text() == SCORE + f"hash={_sha256(LONG)}\n"
    accuracy_txt.write_text(SCORE)
    with pytest.raises(TruncationError, match="put the original log there"):
        truncate_log(log, accuracy_txt, tmp_path / "elsewhere")
    assert accuracy_txt.read_text() == SCORE


def test_two_originals_with_equal_ends_are_not_guessed(tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    log, accuracy_txt = _make(tmp_path / "accuracy")
    truncate_log(log, accuracy_txt, originals)
    _make(tmp_path / "accuracy", LONG[:5000] + b"x" + LONG[5001:])
    truncate_log(log, accuracy_txt, originals)
    accuracy_txt.write_text(SCORE)

    with pytest.raises(TruncationError, match="has 2 originals with these first and last 4096 bytes"):
        truncate_log(log, accuracy_txt, originals)

    assert accuracy_txt.read_text() == SCORE


@pytest.mark.parametrize("moment", range(1, 6))
@pytest.mark.parametrize("function", ["replace", "fsync", "unlink"])
def test_an_interruption_never_loses_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, function: str
) -> None:
    """Kill the process before the n-th rename, sync or removal, then run again."""
    log, accuracy_txt = _make(tmp_path / "accuracy")
    originals = tmp_path / "originals"
    calls = 0

    class Killed(BaseException):
        pass

    def killing(original: object) -> object:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls >= moment:
                raise Killed
            return original(*arguments, **options)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        if function == "fsync":
            patch.setattr(atomic.os, "fsync", killing(os.fsync))
        else:
            patch.setattr(Path, function, killing(getattr(Path, function)))
        try:
            truncate_log(log, accuracy_txt, originals)
        except Killed:
            kept = [path.read_bytes() for path in originals.glob("mlperf_log_accuracy.*.json")]
            assert LONG in [log.read_bytes(), *kept]
            if log.read_bytes() != LONG:
                assert f"hash={_sha256(LONG)}\n" in accuracy_txt.read_text()
    truncate_log(log, accuracy_txt, originals)
    assert log.read_bytes() == LONG[:4096] + MARK + LONG[-4096:]
    assert accuracy_txt.read_text() == SCORE + f"hash={_sha256(LONG)}\n"
    restore_tree(log.parent, originals=originals)
    assert log.read_bytes() == LONG


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path / "accuracy")
    (tmp_path / "accuracy" / f".{log.name}.abc.partial").write_bytes(LONG[:10])
    truncate_log(log, accuracy_txt, tmp_path / "originals")
    assert sorted(path.name for path in (tmp_path / "accuracy").iterdir()) == [accuracy_txt.name, log.name]


def test_the_hash_of_another_log_is_rejected(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path, accuracy=SCORE + f"hash={'0' * 64}\n")
    with pytest.raises(TruncationError, match="has the hash of another log"):
        truncate_log(log, accuracy_txt, tmp_path / "originals")
    accuracy_txt.write_text(SCORE + f"hash={'0' * 64}\nhash={_sha256(LONG)}\n")
    with pytest.raises(TruncationError, match="2 different hashes"):
        truncate_log(log, accuracy_txt, tmp_path / "originals")
    assert log.read_bytes() == LONG


def test_a_damaged_original_is_neither_overwritten_nor_restored(tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    log, accuracy_txt = _make(tmp_path / "accuracy")
    kept = truncate_log(log, accuracy_txt, originals).original
    assert kept is not None
    kept.write_bytes(b"damaged")
    short = log.read_bytes()
    with pytest.raises(TruncationError, match="does not have the SHA-256"):
        restore_tree(log.parent, originals=originals)
    assert log.read_bytes() == short
    log.write_bytes(LONG)
    with pytest.raises(TruncationError, match="is damaged"):
        truncate_log(log, accuracy_txt, originals)
    assert log.read_bytes() == LONG
    assert kept.read_bytes() == b"damaged"


def test_a_tree_without_an_accuracy_txt_stays_unchanged(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    _make(root / "a" / "accuracy")
    _make(root / "b" / "accuracy")[1].unlink()
    before = _tree(root)
    with pytest.raises(TruncationError, match="compute the accuracy first"):
        truncate_tree(root, originals=tmp_path / "originals")
    assert _tree(root) == before


@pytest.mark.parametrize("inside", [".", "originals", "deep/../originals"])
def test_originals_inside_the_tree_are_rejected(tmp_path: Path, inside: str) -> None:
    with pytest.raises(TruncationError, match="is inside"):
        truncate_tree(tmp_path, originals=tmp_path / inside)


def test_absent_files_are_reported_in_one_line(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path / "accuracy")
    with pytest.raises(TruncationError, match="is not a folder"):
        truncate_tree(tmp_path / "none", originals=tmp_path / "originals")
    with pytest.raises(TruncationError, match="has no hash"):
        restore_tree(log.parent, originals=tmp_path / "originals")
    log.unlink()
    with pytest.raises(TruncationError) as caught:
        truncate_log(log, accuracy_txt, tmp_path / "originals")
    assert "cannot be read or written" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_originals_that_cannot_be_written_change_nothing(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path / "accuracy")
    (tmp_path / "file").write_text("")
    with pytest.raises(TruncationError, match="cannot be read or written"):
        truncate_log(log, accuracy_txt, tmp_path / "file" / "originals")
    assert log.read_bytes() == LONG
    assert accuracy_txt.read_text() == SCORE


def test_missing_originals_are_copied_from_the_results(tmp_path: Path) -> None:
    complete = b"[\n" + b"x" * 20000 + b"\n]\n"
    digest = hashlib.sha256(complete).hexdigest()
    log = tmp_path / "tree" / "accuracy" / "mlperf_log_accuracy.json"
    kept = tmp_path / "results" / "m" / "accuracy" / "mlperf_log_accuracy.json"
    for path in (log, kept):
        path.parent.mkdir(parents=True)
    log.write_bytes(complete[:4096] + b"\n\n...\n\n" + complete[-4096:])
    log.with_name("accuracy.txt").write_text(f"hash={digest}\n", "utf-8")
    kept.write_bytes(complete)
    originals = tmp_path / "originals"

    missing = fetch_originals(tmp_path / "tree", originals=originals, results_dir=tmp_path / "results")
    restore_tree(tmp_path / "tree", originals=originals)

    assert missing == 0
    assert log.read_bytes() == kept.read_bytes() == complete


def test_results_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    log, accuracy_txt = _make(tmp_path / "tree" / "accuracy")
    truncate_log(log, accuracy_txt, tmp_path / "elsewhere")
    unreadable = tmp_path / "results" / "m" / "mlperf_log_accuracy.json"
    unreadable.mkdir(parents=True)

    with pytest.raises(TruncationError, match=f"{unreadable}: cannot be read or written"):
        fetch_originals(tmp_path / "tree", originals=tmp_path / "originals", results_dir=tmp_path / "results")


def test_the_sizes_are_those_of_all_rounds() -> None:
    for name in round_names():
        limits = load_round(name).submission.limits
        assert (limits.accuracy_log_bytes, limits.kept_bytes) == (LIMIT_BYTES, KEPT_BYTES)


def test_a_locked_tree_stays_unchanged(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()

    for process in (truncate_tree, restore_tree):
        with lock_submission(tmp_path / "tree"), pytest.raises(TruncationError, match="another process is generating"):
            process(tmp_path / "tree", originals=tmp_path / "originals")
