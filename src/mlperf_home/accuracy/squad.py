"""From an accuracy log, features and SQuAD to accuracy.txt: exact match and F1, to the digit as MLPerf's scripts do.

`python -m mlperf_home.accuracy.squad --log F --features DIR --dataset F --out accuracy.txt [--predictions F]`
"""

from __future__ import annotations

import argparse
import json
import re
import string
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlperf_home.accuracy.spans import best_features, best_spans, join_pieces, project
from mlperf_home.datasets.base import report
from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary
from mlperf_home.datasets.squad.samples import PROVENANCE, VOCABULARY_FILE, read_array
from mlperf_home.loadgen_logs.accuracy_log import AccuracyError, AccuracyLog, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.squad.reading import Dataset, Example, Vocabulary

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
# What the reference answers where no span is valid.
NO_ANSWER = "empty"
# What the reference puts beyond the logits that an engine returned for a shorter row.
PADDING_LOGIT = -10000.0
_PAIR_BYTES = 8
_RUN_AGAIN = "run the accuracy mode again with the features given here"
_PRINTED = ("questions", "samples", "log_sha256", "sample_note", "notes", "accuracy_txt")


class Scores(NamedTuple):
    """Percentages over all questions."""

    exact_match: float
    f1: float


def normalise(answer: str) -> str:
    """Lower, then drop ASCII punctuation, articles and surplus white space, in this order."""
    return " ".join(_ARTICLE.sub(" ", answer.lower().translate(_WITHOUT_PUNCTUATION)).split())


def f1(prediction: str, answer: str) -> float:
    """Return the F1 of the words of two normalised texts; 0 when they share none, as two empty ones do."""
    predicted, accepted = prediction.split(), answer.split()
    shared = sum((Counter(predicted) & Counter(accepted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(accepted)
    return (2 * precision * recall) / (precision + recall)


def score(examples: Iterable[Example], predictions: Mapping[str, str]) -> Scores:
    """Score the predicted texts, by question id; sums in the file's order, so equal to the last digit."""
    exact_total, total, f1_total = 0, 0, 0.0
    for example in examples:
        total += 1
        prediction = normalise(predictions[example.question_id])
        answers = [normalise(answer) for answer in example.answers]
        exact_total += prediction in answers
        f1_total += max(f1(prediction, answer) for answer in answers)
    return Scores(100.0 * exact_total / total, 100.0 * f1_total / total)


class Logits(NamedTuple):
    """The logits of all features: (n, columns) float32 each, and the log's sha256."""

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    log_sha256: str


class Evaluation(NamedTuple):
    """The outcome of an accuracy run.

    Attributes:
        predictions: the answer's text by question id, in the dataset's order.
        samples: how many results the log holds.
        sample_note: says that these are sample data, or is empty.
        notes: what else keeps the result from being official.
    """

    scores: Scores
    predictions: dict[str, str]
    log_sha256: str
    samples: int
    sample_note: str
    notes: tuple[str, ...]


def evaluate(log: Path, features_dir: Path, dataset_path: Path) -> Evaluation:
    """Score the accuracy log of a run on `features_dir`, which was made from the file at `dataset_path`.

    Raises:
        AccuracyError: the log is unreadable, truncated, damaged or of another run, or the features are of another
            dataset.
        DatasetError: the dataset or the features folder is unreadable.
    """
    facts = PROVENANCE.read(features_dir)
    dataset = read_dataset(dataset_path)
    if facts.get("dataset_sha256") != dataset.sha256:
        problem = f"was made from another dataset than {dataset_path}"
        raise AccuracyError(features_dir, problem, "give the dataset that the run used")
    vocabulary = read_vocabulary(features_dir / VOCABULARY_FILE)
    if vocabulary.sha256 != facts["vocab_sha256"]:
        raise AccuracyError(features_dir / VOCABULARY_FILE, "is not the one of the features", "make them again")
    input_ids = read_array(features_dir, "input_ids", facts["features"])
    logits = read_logits(log, *input_ids.shape)
    predictions = predict(dataset, features_dir, vocabulary, logits)
    scores = score(dataset.examples, predictions)
    return Evaluation(scores, predictions, logits.log_sha256, len(input_ids), dataset.sample_note, facts["notes"])


def f1_of_part(log: Path, features_dir: Path, dataset_path: Path, part: tuple[int, int]) -> float:
    """Score an accuracy log of a run on some features alone: F1 in percent of the questions that lie in them.

    `part` is the first feature, and the one after the last; the log's numbers begin at 0.

    Raises:
        AccuracyError: see `evaluate`; or no question lies in them as a whole.
        DatasetError: see `evaluate`.
    """
    facts = PROVENANCE.read(features_dir)
    dataset = read_dataset(dataset_path)
    vocabulary = read_vocabulary(features_dir / VOCABULARY_FILE)
    count = int(facts["features"])
    first, last = part[0], min(part[1], count)
    columns = read_array(features_dir, "input_ids", count).shape[1]
    predictions = predict(dataset, features_dir, vocabulary, read_logits(log, last - first, columns), (first, count))
    # Features stand in the order of their questions: what the part's bounds cut through is not whole.
    of = read_array(features_dir, "example_index", count)
    begin = int(of[first]) + (1 if first and of[first - 1] == of[first] else 0)
    end = int(of[last]) if last < count else len(dataset.examples)
    if begin >= end:
        raise AccuracyError(log, f"no question lies in the features {first} to {last}", "take more of them")
    return score(dataset.examples[begin:end], predictions).f1


def predict(
    dataset: Dataset,
    features_dir: Path,
    vocabulary: Vocabulary,
    logits: Logits,
    part: tuple[int, int] | None = None,
) -> dict[str, str]:
    """Return the answer's text by question id; `part`: the first feature of a part, and how many there are in all."""
    first_feature, features = part or (0, len(logits.start))

    def array(name: str) -> NDArray[Any]:
        return np.asarray(read_array(features_dir, name, features)[first_feature : first_feature + len(logits.start)])

    input_ids, word_of = array("input_ids"), array("token_to_word")
    spans = best_spans(logits.start, logits.end, word_of >= 0, array("max_context"))
    rows = best_features(spans, array("example_index"), len(dataset.examples))
    predictions = {}
    for example, row in zip(dataset.examples, rows.tolist(), strict=True):
        if row < 0:
            predictions[example.question_id] = NO_ANSWER
            continue
        first, last = int(spans.first[row]), int(spans.last[row])
        words = dataset.paragraphs[example.paragraph_index]
        original = " ".join(words[word_of[row, first] : word_of[row, last] + 1])
        predicted = join_pieces(vocabulary.tokens[piece] for piece in input_ids[row, first : last + 1].tolist())
        predictions[example.question_id] = project(predicted, original)
    return predictions


def accuracy_text(evaluation: Evaluation) -> str:
    """Return the content of accuracy.txt, in the form that MLPerf's submission checker matches."""
    # The checker's pattern knows digits and a point, no exponent.
    exact_match, f1 = (np.format_float_positional(value, trim="0") for value in evaluation.scores)
    note = f"note: {evaluation.sample_note}\n" if evaluation.sample_note else ""
    return f'{{"exact_match": {exact_match}, "f1": {f1}}}\nhash={evaluation.log_sha256}\n{note}'


def read_logits(path: Path, count: int, columns: int) -> Logits:
    """Read the result of every feature; a payload is float32 pairs (start, end), one per token.

    Raises:
        AccuracyError: the log is unreadable, truncated or damaged; a feature has no result, two results, too many
            logits or such that are not finite; or a result belongs to no feature.
    """
    start = np.full((count, columns), PADDING_LOGIT, dtype=np.float32)
    end = np.full((count, columns), PADDING_LOGIT, dtype=np.float32)
    seen = np.zeros(count, dtype=np.bool_)
    log = AccuracyLog(path)
    for qsl_idx, payload in log:
        problem = _problem(qsl_idx, payload, seen, columns)
        if problem:
            raise AccuracyError(path, problem, _RUN_AGAIN)
        pairs = np.frombuffer(payload, dtype="<f4").reshape(-1, 2)
        start[qsl_idx, : len(pairs)] = pairs[:, 0]
        end[qsl_idx, : len(pairs)] = pairs[:, 1]
        seen[qsl_idx] = True
    absent = np.flatnonzero(~seen)
    if len(absent):
        problem = f"has no result for {len(absent)} of {count} samples (the first is qsl_idx {absent[0]})"
        raise AccuracyError(path, problem, _RUN_AGAIN)
    infinite = np.flatnonzero(~(np.isfinite(start) & np.isfinite(end)).all(axis=1))
    if len(infinite):
        problem = f"holds logits that are not finite in {len(infinite)} samples (the first is qsl_idx {infinite[0]})"
        raise AccuracyError(path, problem, "check the model and the engine")
    return Logits(start, end, log.sha256)


def _problem(qsl_idx: int, payload: bytes, seen: NDArray[np.bool_], columns: int) -> str:
    if qsl_idx >= len(seen):
        return f"has a result for qsl_idx {qsl_idx}, but there are {len(seen)} samples"
    if seen[qsl_idx]:
        return f"has two results for qsl_idx {qsl_idx}"
    if len(payload) % _PAIR_BYTES:
        return f"has {len(payload)} bytes for qsl_idx {qsl_idx}: no whole pairs of float32 logits"
    if len(payload) > columns * _PAIR_BYTES:
        return f"has {len(payload) // _PAIR_BYTES} pairs of logits for qsl_idx {qsl_idx}, more than {columns}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt (and predictions.json) and print one JSON line; return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.squad", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    parser.add_argument("--features", type=Path, required=True, help="the features folder of the run")
    parser.add_argument("--dataset", type=Path, required=True, help="the SQuAD v1.1 file of the run")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    parser.add_argument("--predictions", type=Path, help="the predictions.json to write")
    chosen = parser.parse_args(arguments)

    def compute() -> dict[str, Any]:
        evaluation = evaluate(chosen.log, chosen.features, chosen.dataset)
        if chosen.predictions:
            write_text(chosen.predictions, json.dumps(evaluation.predictions, indent=4) + "\n")
        write_text(chosen.out, accuracy_text(evaluation))
        facts = {**evaluation._asdict(), "questions": len(evaluation.predictions), "accuracy_txt": str(chosen.out)}
        return {**evaluation.scores._asdict(), **{name: facts[name] for name in _PRINTED}}

    return report(compute)


if __name__ == "__main__":
    sys.exit(main())
