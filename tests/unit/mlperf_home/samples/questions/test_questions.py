"""The sample's questions have the same bytes everywhere, SQuAD's format and the lengths of real questions."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.datasets.base import DatasetError
from mlperf_home.samples.questions import __main__ as command
from mlperf_home.samples.questions import write_sample
from mlperf_home.samples.questions.squad import DATASET_SHA256, QUESTIONS, dataset_bytes, make_questions
from mlperf_home.samples.questions.world import token_count, vocabulary

if TYPE_CHECKING:
    from mlperf_home.datasets.squad.features import Features
    from mlperf_home.samples.questions import SampleFiles

SOURCES = Path(__file__).parents[5] / "src"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def paragraphs(sample: SampleFiles) -> list[dict[str, Any]]:
    articles = json.loads(sample.dataset.read_text(encoding="utf-8"))["data"]
    return [paragraph for article in articles for paragraph in article["paragraphs"]]


@pytest.fixture(scope="module")
def features(sample: SampleFiles) -> Features:
    pytest.importorskip("tokenizers", reason="features need the tokeniser")
    from mlperf_home.datasets.squad.features import make_features
    from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary

    return make_features(read_dataset(sample.dataset), read_vocabulary(sample.vocabulary))


def test_default_dataset_has_the_recorded_hash(sample: SampleFiles) -> None:
    assert hashlib.sha256(sample.dataset.read_bytes()).hexdigest() == DATASET_SHA256


def test_hash_seed_changes_nothing(tmp_path: Path) -> None:
    """The order of sets of strings depends on a random hash in each process."""
    made = set()
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        argv = [sys.executable, "-m", "mlperf_home.samples.questions", "--out", str(folder), "--questions", "40"]
        environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONHASHSEED": hash_seed}
        subprocess.run(argv, check=True, env=environment, capture_output=True)
        made.add(tuple(path.read_bytes() for path in sorted(folder.iterdir())))
    assert len(made) == 1


def test_another_seed_makes_other_questions() -> None:
    assert dataset_bytes(1, 50) == dataset_bytes(1, 50)
    assert dataset_bytes(1, 50) != dataset_bytes(2, 50)


def test_dataset_is_marked_as_a_sample(sample: SampleFiles) -> None:
    content = json.loads(sample.dataset.read_text(encoding="utf-8"))
    assert content["version"] == "1.1-sample"
    assert all("sample" in article["title"].lower() for article in content["data"])
    assert "sample" in sample.dataset.name


def test_questions_suffice_for_mlperf(paragraphs: list[dict[str, Any]]) -> None:
    identities = [question["id"] for paragraph in paragraphs for question in paragraph["qas"]]
    assert len(identities) == len(set(identities)) == QUESTIONS >= 10_833
    assert 4.5 < len(identities) / len(paragraphs) <= 5


def test_every_answer_is_at_its_position(paragraphs: list[dict[str, Any]]) -> None:
    for paragraph in paragraphs:
        for question in paragraph["qas"]:
            assert question["answers"]
            for answer in question["answers"]:
                start = answer["answer_start"]
                assert paragraph["context"][start : start + len(answer["text"])] == answer["text"]


def test_answers_are_short_and_some_have_variants(paragraphs: list[dict[str, Any]]) -> None:
    answers = [question["answers"] for paragraph in paragraphs for question in paragraph["qas"]]
    first = [variants[0]["text"] for variants in answers]
    assert {len(text.split()) for text in first} >= {1, 2, 3}
    assert max(len(text.split()) for text in first) <= 5
    assert 0.2 < sum(len(variants) > 1 for variants in answers) / len(answers) < 0.5


def test_text_has_marks_that_challenge_the_tokeniser(paragraphs: list[dict[str, Any]]) -> None:
    text = " ".join(paragraph["context"] for paragraph in paragraphs[:200])
    for mark in (",", ";", "(", "-", "“", "é", "&"):
        assert mark in text
    # Some answers are inside a sentence, before a comma.
    following = [
        paragraph["context"][answer["answer_start"] + len(answer["text"])]
        for paragraph in paragraphs
        for question in paragraph["qas"]
        for answer in question["answers"][:1]
    ]
    assert {",", ".", " "} <= set(following)


def test_lengths_follow_real_questions(features: Features) -> None:
    """1,190 real questions have mean 183, p5 91, p25 134, p50 166, p75 219, p90 271, p95 359, p99 384."""
    lengths = features.lengths
    assert abs(lengths.mean() - 183) < 6
    measured = np.percentile(lengths, [5, 25, 50, 75, 90, 95, 99])
    assert np.all(np.abs(measured / [91, 134, 166, 219, 271, 359, 384] - 1) < 0.08)


def test_some_contexts_need_windows(features: Features) -> None:
    assert QUESTIONS * 1.005 < len(features.lengths) < QUESTIONS * 1.05


def test_no_word_is_unknown(features: Features) -> None:
    assert not np.any(features.input_ids == vocabulary().index("[UNK]"))


def test_generator_and_tokeniser_count_alike(features: Features, paragraphs: list[dict[str, Any]]) -> None:
    pairs = [(paragraph, question) for paragraph in paragraphs for question in paragraph["qas"]]
    single = np.flatnonzero(np.bincount(features.example_index) == 1)[:300]
    row_of = dict(zip(features.example_index.tolist(), features.lengths.tolist(), strict=True))
    for index in single.tolist():
        paragraph, question = pairs[index]
        assert row_of[index] == token_count(paragraph["context"]) + token_count(question["question"]) + 3


def test_vocabulary_is_small_and_in_berts_form() -> None:
    entries = vocabulary()
    assert entries[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(entries) == len(set(entries)) <= 1500
    assert any(entry.startswith("##") for entry in entries)


@pytest.mark.parametrize("count", [1, 4, 7, 26])
def test_any_number_of_questions_can_be_made(count: int) -> None:
    made = make_questions(3, count)
    assert sum(len(paragraph["qas"]) for article in made["data"] for paragraph in article["paragraphs"]) == count


def test_command_prints_the_written_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--out", str(tmp_path / "new"), "--questions", "5"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert all(Path(path).is_file() for path in written.values())


def test_zero_questions_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--out", str(tmp_path / "new"), "--questions", "0"]) != 0
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        write_sample(tmp_path / "file" / "below", questions=5)
