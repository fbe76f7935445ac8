"""The table of a verified bundle: who sent it, and whether its accuracies follow from its answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import challenge_homes
import pytest
from answered_results import IMAGES, answered
from board_homes import Contributors, contributors, needs_ssh

from mlperf_home.accuracy.recomputing import Truths
from mlperf_home.challenges.verification.verification import VerifiedBundle, verify
from mlperf_home.datasets.imagenet.images import Labels
from mlperf_home.loadgen_logs.answers import class_column
from mlperf_home.steps.bundle_import import read_bundles
from mlperf_home.steps.verified_bundle import answer_rows, sender_rows, versus_rows
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs_ssh
LINK = "https://example.org/ada"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contributors]:
    yield from contributors(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def named(people: Contributors) -> Path:
    people.home.patch.setattr(challenge_homes, "ours", answered())
    return people.bundle("Ada", "ada", submitter_link=LINK)


@pytest.fixture
def verified(named: Path, tmp_path: Path) -> VerifiedBundle:
    found = verify(named, tmp_path / "unpacked")
    assert found.problems == ()
    return found


def test_the_sender_has_name_and_link(verified: VerifiedBundle) -> None:
    assert list(sender_rows(verified)) == [("contributor", f"Ada {LINK}")]


def test_imported_measurements_have_name_and_link(named: Path, tmp_path: Path) -> None:
    (measurement,) = read_bundles([named], tmp_path, []).measurements
    assert measurement.system["contributor"].value == "Ada"
    assert measurement.system["contributor_link"].value == LINK


def test_only_the_report_beside_a_bundle_has_the_name(people: Contributors, verified: VerifiedBundle) -> None:
    people.home.patch.setattr(challenge_homes, "ours", answered())
    answer = people.home("run", sample=True, only="first", sign_key=str(people.keys["ada"]), submitter="Ada")
    for ending in (".md", ".html"):
        assert "Ada" in Path(answer["report"]).with_suffix(ending).read_text()
        assert "Ada" not in (verified.root / f"report{ending}").read_text()


def test_labels_of_another_dataset_are_refused(named: Path, verified: VerifiedBundle) -> None:
    labels = Labels(Path("val_map.txt"), ("a",), (1,))
    with pytest.raises(StepFailed, match="--labels_path: no accuracy run in the bundle is of this dataset"):
        list(answer_rows(named, verified.root, Truths(labels=labels)))


def test_answers_are_counted(named: Path, verified: VerifiedBundle) -> None:
    assert list(answer_rows(named, verified.root, Truths())) == [("answers", "of 1 accuracy run, 50,000 together")]


def test_two_bundles_tell_their_equal_answers(people: Contributors, verified: VerifiedBundle, tmp_path: Path) -> None:
    changed = answered(lambda column: class_column(column.log_sha256, _changed(list(column.values))))
    people.home.patch.setattr(challenge_homes, "ours", changed)
    other = verify(people.bundle("Bob", "bob"), tmp_path / "other")
    ((name, share),) = versus_rows(verified.root, other.root)
    assert name.startswith("equal answers, mobilenet")
    assert share == f"98.00 % (49,000 of {IMAGES:,})"


def _changed(values: list[int]) -> list[int]:
    return [9 if 20_000 <= place < 21_000 else value for place, value in enumerate(values)]
