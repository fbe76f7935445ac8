"""A bundle has the answers of its accuracy runs; those that belong to nothing, or contradict a log, are named."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import challenge_homes
import pytest
from answered_results import IMAGES, answered
from challenge_homes import challenge_home
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.answers import bundle_answers
from mlperf_home.loadgen_logs.answer_writer import write_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE, AnswerColumn, class_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def with_answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a bundle with the answers of its results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(challenge_homes, "ours", answered())
        yield challenge_home(tmp_path_factory.mktemp("answered"), patch).bundle(only="first")


@pytest.fixture
def bundle(with_answers: Path, tmp_path: Path) -> UnpackedBundle:
    return UnpackedBundle(with_answers, tmp_path)


def edited(bundle: UnpackedBundle, change: Callable[[AnswerColumn], AnswerColumn]) -> list[str]:
    columns = bundle_answers(bundle.root).values()
    write_answers(bundle.root / ANSWERS_FILE, [change(each) for each in columns])
    bundle.rehash()
    return problems_of(bundle.verified())


def test_a_bundle_has_the_answers_of_its_runs(bundle: UnpackedBundle) -> None:
    assert problems_of(bundle.verified()) == []
    (column,) = bundle_answers(bundle.root).values()
    assert (column.kind, column.count) == ("class", IMAGES)
    assert (bundle.root / ANSWERS_FILE).stat().st_size < 2000


def test_answers_of_another_log_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge_homes, "ours", answered(lambda column: replace(column, log_sha256="0" * 64)))
    bundle = UnpackedBundle(challenge_home(tmp_path / "home", monkeypatch).bundle(only="first"), tmp_path)
    assert problems_of(bundle.verified()) == []
    assert not (bundle.root / ANSWERS_FILE).exists()


def test_an_answer_that_the_log_contradicts(bundle: UnpackedBundle) -> None:
    def change(column: AnswerColumn) -> AnswerColumn:
        return replace(column, values=array("I", [3, *column.values[1:]]))

    (problem,) = edited(bundle, change)
    assert problem.startswith(f"{ANSWERS_FILE}: results/first/")
    assert problem.endswith("answers 3 to image 0, but the log has 0")


def test_answers_of_a_log_that_is_not_there(bundle: UnpackedBundle) -> None:
    problems = edited(bundle, lambda column: replace(column, log_sha256="ab" * 32))
    assert problems == [f"{ANSWERS_FILE}: has the answers of the log {'ab' * 32}, which no result in the bundle has"]


def test_another_number_of_answers(bundle: UnpackedBundle) -> None:
    problems = edited(bundle, lambda column: class_column(column.log_sha256, column.values[:1000]))
    assert any("has 1000 answers, but its session names 50000 images" in each for each in problems)
    assert any("has results of 1000 images, but accuracy.txt counts 50000" in each for each in problems)


def test_damaged_answers_are_named(bundle: UnpackedBundle) -> None:
    path = bundle.root / ANSWERS_FILE
    path.write_bytes(path.read_bytes()[:-1])
    bundle.rehash()
    (problem,) = problems_of(bundle.verified())
    assert problem.startswith(f"{ANSWERS_FILE}: has a block")


def test_a_changed_answer_changes_its_hash(bundle: UnpackedBundle) -> None:
    path = bundle.root / ANSWERS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert f"{ANSWERS_FILE}: was changed: size or hash differs from the manifest" in problems_of(bundle.verified())
