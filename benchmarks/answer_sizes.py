"""How large the answers of all image classifiers are in a bundle: simulated answers at published accuracies.

Each image has a difficulty that all models share, and classes that it is confused with; each model adds something of
its own. The figures are chosen by five real models on 200 photographs: two that are both wrong name the same class on a
third of the images (0.26 to 0.39; 0.7 for two precisions of one model, which is not simulated), and are right together
about as often as with this correlation.
"""

from __future__ import annotations

import argparse
import time
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.loadgen_logs.answer_writer import encoded
from mlperf_home.loadgen_logs.answers import class_column, span_column
from mlperf_home.published.classifiers import read_classifiers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Classes = NDArray[np.int64]

CLASSES = 1000
SHARED = 0.7
"""The share of a difficulty's variance that all models have in common."""
CONFUSED = (0.55, 0.13, 0.07, 0.04, 0.02)
"""The chances of an image's confusing classes, the most frequent first; each other wrong class is as likely."""


def simulated(accuracies: list[float], images: int, seed: int) -> list[Classes]:
    """Return the classes that each model answers."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, CLASSES, images)
    difficulty = random.normal(size=images)
    confusing = (truth[:, None] + random.integers(1, CLASSES, (images, len(CONFUSED)))) % CLASSES
    answers = []
    for percent in accuracies:
        felt = np.sqrt(SHARED) * difficulty + np.sqrt(1 - SHARED) * random.normal(size=images)
        right = felt < NormalDist().inv_cdf(percent / 100)
        place = np.searchsorted(np.cumsum(CONFUSED), random.random(images))
        other = random.integers(0, CLASSES, images)
        known = confusing[np.arange(images), np.minimum(place, len(CONFUSED) - 1)]
        answers.append(np.where(right, truth, np.where(place < len(CONFUSED), known, other)))
    return answers


def agreement(answers: list[Classes], seed: int) -> float:
    """Return the mean share of images on which two models agree."""
    random = np.random.default_rng(seed)
    pairs = [random.choice(len(answers), 2, replace=False) for _ in range(200)]
    return float(np.mean([np.mean(answers[first] == answers[second]) for first, second in pairs]))


def main() -> None:
    """Print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = [row for row in read_classifiers() if not row.sample]
    accuracies = [percent for row in rows if (percent := row.accuracy(as_published=True)[0]) is not None]
    answers = simulated(accuracies, options.images, options.seed)
    began = time.perf_counter()
    size = len(encoded([class_column(f"{number:064x}", each.tolist()) for number, each in enumerate(answers)]))
    took = time.perf_counter() - began
    alone = len(encoded([class_column("0" * 64, answers[0].tolist())]))
    print(f"{len(answers)} models, {options.images:,} images: {size:,} bytes, packed in {took:.1f} s")
    print(f"two models agree on {agreement(answers, options.seed):.1%} of the images; one model alone: {alone:,} bytes")
    random = np.random.default_rng(options.seed)
    independent = [random.integers(0, CLASSES, options.images).tolist() for _ in answers]
    most = len(encoded([class_column(f"{number:064x}", each) for number, each in enumerate(independent)]))
    print(f"answers without anything in common: {most:,} bytes")
    first, length = random.integers(0, 800, 10_570), random.geometric(0.06, 10_570)
    spans = [(int(begin), int(begin + count)) for begin, count in zip(first, length, strict=True)]
    print(f"10,570 spans of one model: {len(encoded([span_column('0' * 64, spans)])):,} bytes")


if __name__ == "__main__":
    main()
