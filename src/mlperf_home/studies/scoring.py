"""How many samples of an accuracy run are right, and its accuracy.txt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.accuracy.imagenet.evaluation import accuracy_text as top1_text
from mlperf_home.accuracy.imagenet.evaluation import score_log
from mlperf_home.accuracy.squad.evaluation import accuracy_text as f1_text
from mlperf_home.accuracy.squad.evaluation import evaluate, f1_of_first
from mlperf_home.datasets.imagenet.labels import read_labels
from mlperf_home.datasets.imagenet.store import LABELS_FILE

if TYPE_CHECKING:
    from mlperf_home.studies.plan import Candidate


def score_part(kind: str, log: Path, candidate: Candidate, first: int) -> tuple[float, int]:
    """Score a run on the first samples.

    Args:
        kind: the dataset's kind.
        log: LoadGen's accuracy log.
        candidate: the model, with its dataset.
        first: how many samples were run.

    Returns:
        How many are right (of answers: their F1, as if of each sample), and of how many.
    """
    if kind == "squad":
        return first * f1_of_first(log, Path(candidate.dataset), Path(candidate.questions), first) / 100, first
    scored = score_log(log, read_labels(Path(candidate.dataset) / LABELS_FILE))
    return scored.good, scored.total


def score_whole(kind: str, log: Path, candidate: Candidate, samples: int) -> tuple[float, int, str]:
    """Score a run on the whole dataset: as `score_part`, and the text of accuracy.txt."""
    if kind == "squad":
        evaluation = evaluate(log, Path(candidate.dataset), Path(candidate.questions))
        return samples * evaluation.scores.f1 / 100, samples, f1_text(evaluation)
    scored = score_log(log, read_labels(Path(candidate.dataset) / LABELS_FILE))
    return scored.good, scored.total, top1_text(scored)
