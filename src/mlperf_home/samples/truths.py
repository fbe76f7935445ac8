"""What is right in the embedded sample: the labels of its images, and its questions with their answers.

They need the standard library alone. Drawing the images needs NumPy, so their classes are kept in a file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mlperf_home.datasets.imagenet.images import SAMPLE_PREFIX, Labels
from mlperf_home.datasets.squad.reading import Dataset, parse_dataset
from mlperf_home.samples.questions import DATASET_FILE
from mlperf_home.samples.questions.squad import dataset_bytes

_LABELS = Path(__file__).parent / "images" / "labels.txt"
"""The class of each image, a digit."""


@cache
def sample_labels() -> Labels:
    """Return the labels of the sample's images, in the order of the samples."""
    digits = _LABELS.read_text("ascii").strip()
    names = tuple(f"{SAMPLE_PREFIX}val_{number:08d}.png" for number in range(1, len(digits) + 1))
    return Labels(_LABELS, names, tuple(map(int, digits)))


@cache
def sample_questions() -> Dataset:
    """Return the sample's questions; making them takes a second."""
    return parse_dataset(dataset_bytes(), Path(DATASET_FILE))
