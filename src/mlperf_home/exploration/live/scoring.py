"""How many samples of an accuracy run are right, and its accuracy.txt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.accuracy.imagenet.evaluation import accuracy_text as top1_text
from mlperf_home.accuracy.imagenet.evaluation import score_log
from mlperf_home.accuracy.squad.evaluation import accuracy_text as f1_text
from mlperf_home.accuracy.squad.evaluation import evaluate, f1_of_part
from mlperf_home.datasets.imagenet.labels import read_labels
from mlperf_home.datasets.imagenet.store import LABELS_FILE

if TYPE_CHECKING:
    from mlperf_home.exploration.live.plan import Candidate


def score_part(kind: str, log: Path, candidate: Candidate, part: tuple[int, int]) -> tuple[float, int]:
    """Score a run on some samples.

    Args:
        kind: the dataset's kind.
        log: LoadGen's accuracy log.
        candidate: the model, with its dataset.
        part: the first sample that was run, and the one after the last.

    Returns:
        How many are right (of answers: their F1, as if of each sample), and of how many.
    """
    first, last = part
    if kind == "squad":
        f1 = f1_of_part(log, Path(candidate.dataset), Path(candidate.questions), part)
        return (last - first) * f1 / 100, last - first
    scored = score_log(log, read_labels(Path(candidate.dataset) / LABELS_FILE).after(first))
    return scored.good, scored.total


def score_whole(kind: str, log: Path, candidate: Candidate, samples: int) -> tuple[float, int, str]:
    """Score a run on the whole dataset: as `score_part`, and the text of accuracy.txt."""
    if kind == "squad":
        evaluation = evaluate(log, Path(candidate.dataset), Path(candidate.questions))
        return samples * evaluation.scores.f1 / 100, samples, f1_text(evaluation)
    scored = score_log(log, read_labels(Path(candidate.dataset) / LABELS_FILE))
    return scored.good, scored.total, top1_text(scored)
