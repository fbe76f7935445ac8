"""The embedded labels and questions are those of the sample's generators."""

from __future__ import annotations

from mlperf_home.samples.images.image_files import IMAGES, SEED, file_name, label_of
from mlperf_home.samples.questions.squad import DATASET_SHA256
from mlperf_home.samples.truths import sample_labels, sample_questions


def test_labels_are_those_of_the_images() -> None:
    labels = sample_labels()
    assert labels.names == tuple(map(file_name, range(IMAGES)))
    assert labels.classes == tuple(label_of(SEED, number) for number in range(IMAGES))


def test_questions_are_those_of_the_file() -> None:
    assert sample_questions().sha256 == DATASET_SHA256
