"""The embedded sample: SQuAD-like questions and a vocabulary, made by a seeded generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.datasets.base import DatasetError
from mlperf_home.samples.questions.squad import QUESTIONS, SEED, dataset_bytes
from mlperf_home.samples.questions.world import vocabulary
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from pathlib import Path

DATASET_FILE = "sample-squad-v1.1.json"
VOCABULARY_FILE = "vocab.txt"


class SampleFiles(NamedTuple):
    """Where the dataset and its vocabulary were written."""

    dataset: Path
    vocabulary: Path


def write_sample(folder: Path, *, seed: int = SEED, questions: int = QUESTIONS) -> SampleFiles:
    """Write the sample's dataset and vocabulary into `folder`, which is made if it is absent; each file whole.

    Raises:
        DatasetError: a number makes no dataset, or the folder cannot be written.
    """
    if questions < 1:
        raise DatasetError("--questions", f"is {questions}", "give 1 or more")
    content = dataset_bytes(seed, questions)
    files = SampleFiles(folder / DATASET_FILE, folder / VOCABULARY_FILE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_bytes(files.dataset, content)
        replace_bytes(files.vocabulary, vocabulary_bytes())
    except OSError as error:
        raise DatasetError(folder, f"cannot be written ({error.strerror})", "choose a folder of your own") from error
    return files


def vocabulary_bytes() -> bytes:
    """Return the vocabulary's file: one entry a line, UTF-8."""
    return ("\n".join(vocabulary()) + "\n").encode("utf-8")
