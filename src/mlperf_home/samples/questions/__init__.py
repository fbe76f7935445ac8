"""The embedded sample: questions in SQuAD's format and a vocabulary, from a seeded generator."""

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
    """The paths of the dataset and its vocabulary."""

    dataset: Path
    vocabulary: Path


def write_sample(folder: Path, *, seed: int = SEED, questions: int = QUESTIONS) -> SampleFiles:
    """Write the sample's dataset and vocabulary into `folder`, each file atomically; create the folder if necessary.

    Raises:
        DatasetError: the number of questions is out of range, or the folder cannot be written.
    """
    if questions < 1:
        raise DatasetError("--questions", f"is {questions}", "pass 1 or more")
    content = dataset_bytes(seed, questions)
    files = SampleFiles(folder / DATASET_FILE, folder / VOCABULARY_FILE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_bytes(files.dataset, content)
        replace_bytes(files.vocabulary, vocabulary_bytes())
    except OSError as error:
        raise DatasetError(folder, f"cannot be written ({error.strerror})", "choose a writable folder") from error
    return files


def vocabulary_bytes() -> bytes:
    """Return the content of the vocabulary file: one entry per line, UTF-8."""
    return ("\n".join(vocabulary()) + "\n").encode("utf-8")
