"""Compute exact match and F1 from an accuracy log, features and SQuAD, to the digit as MLPerf's scripts do.

`python -m mlperf_home.accuracy.squad --log F --features DIR --dataset F --out accuracy.txt [--predictions F]`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlperf_home.accuracy.question_scores import Scores, f1, normalise, score, texts_of
from mlperf_home.accuracy.spans import best_features, best_spans, join_pieces, projected
from mlperf_home.datasets.base import report
from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary
from mlperf_home.datasets.squad.samples import PROVENANCE, VOCABULARY_FILE, read_array
from mlperf_home.loadgen_logs.accuracy_log import AccuracyError, AccuracyLog, write_text
from mlperf_home.loadgen_logs.answer_writer import write_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE, AnswerColumn, span_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlperf_home.accuracy.question_scores import Span
    from mlperf_home.datasets.squad.reading import Dataset, Vocabulary

# The value with which the reference fills the logits of a shorter row.
PADDING_LOGIT = -10000.0
_PAIR_BYTES = 8
_RUN_AGAIN = "rerun the accuracy mode with these features"
_PRINTED = ("questions", "samples", "log_sha256", "sample_note", "notes", "accuracy_txt")


class Logits(NamedTuple):
    """The logits of all features, (n, columns) float32 each, and the log's SHA-256."""

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    log_sha256: str


class SquadEvaluation(NamedTuple):
    """The accuracy of a run.

    Attributes:
        predictions: the answer's text by question id, in the dataset's order.
        samples: the number of results in the log.
        sample_note: a note that the dataset is sample data, or "".
        notes: the other reasons why the result is not official.
        answers: the span of each question.
    """

    scores: Scores
    predictions: dict[str, str]
    log_sha256: str
    samples: int
    sample_note: str
    notes: tuple[str, ...]
    answers: AnswerColumn


def evaluate(log: Path, features_dir: Path, dataset_path: Path) -> SquadEvaluation:
    """Score the accuracy log of a run on `features_dir`, the features of the dataset at `dataset_path`.

    Raises:
        AccuracyError: the log is unreadable, truncated, damaged or of another run, or the features are of another
            dataset.
        DatasetError: the dataset or the features folder is unreadable.
    """
    facts = PROVENANCE.read(features_dir)
    dataset = read_dataset(dataset_path)
    if facts.get("dataset_sha256") != dataset.sha256:
        problem = f"was made from another dataset than {dataset_path}"
        raise AccuracyError(features_dir, problem, "pass the dataset of the run")
    vocabulary = read_vocabulary(features_dir / VOCABULARY_FILE)
    if vocabulary.sha256 != facts["vocab_sha256"]:
        problem = "does not belong to the features"
        raise AccuracyError(features_dir / VOCABULARY_FILE, problem, "make the features again")
    input_ids = read_array(features_dir, "input_ids", facts["features"])
    logits = read_logits(log, *input_ids.shape)
    spans = _predict_spans(dataset, features_dir, vocabulary, logits, (slice(0, len(input_ids)), len(input_ids)))
    predictions, answers = texts_of(dataset, spans), span_column(logits.log_sha256, spans)
    scores, count = score(dataset.examples, predictions), len(input_ids)
    return SquadEvaluation(scores, predictions, logits.log_sha256, count, dataset.sample_note, facts["notes"], answers)


def f1_of_part(log: Path, features_dir: Path, dataset_path: Path, part: tuple[int, int]) -> float:
    """Return the F1, in percent, of a run on a part of the features, over the questions that lie entirely in it.

    `part` is the first feature and the feature after the last; the log counts from 0 within the part.

    Raises:
        AccuracyError: see `evaluate`; or no question lies entirely in the part.
        DatasetError: see `evaluate`.
    """
    facts = PROVENANCE.read(features_dir)
    dataset = read_dataset(dataset_path)
    vocabulary = read_vocabulary(features_dir / VOCABULARY_FILE)
    count = int(facts["features"])
    first, last = part[0], min(part[1], count)
    columns = read_array(features_dir, "input_ids", count).shape[1]
    predictions = predict(dataset, features_dir, vocabulary, read_logits(log, last - first, columns), (first, count))
    # Features are in the order of their questions; a question that a bound cuts is left out.
    question_of = read_array(features_dir, "example_index", count)
    begin = int(question_of[first]) + (1 if first and question_of[first - 1] == question_of[first] else 0)
    end = int(question_of[last]) if last < count else len(dataset.examples)
    if begin >= end:
        raise AccuracyError(log, f"no question lies entirely in features {first} to {last}", "use more features")
    return score(dataset.examples[begin:end], predictions).f1


def predict(
    dataset: Dataset,
    features_dir: Path,
    vocabulary: Vocabulary,
    logits: Logits,
    part: tuple[int, int] | None = None,
) -> dict[str, str]:
    """Return the answer's text by question id; `part` is a part's first feature and the number of all features."""
    first_feature, features = part or (0, len(logits.start))
    rows = slice(first_feature, first_feature + len(logits.start))
    return _predict_rows(dataset, features_dir, vocabulary, logits, (rows, features))


def f1_by_question(
    dataset: Dataset, features_dir: Path, vocabulary: Vocabulary, logits: Logits, rows: NDArray[np.intp]
) -> dict[int, float]:
    """Return the F1, from 0 to 1, of each question that has all its features among `rows`, by its position.

    Row i of the logits belongs to the feature `rows[i]`; the features of a question are all or none among them.
    """
    count = int(PROVENANCE.read(features_dir)["features"])
    predictions = _predict_rows(dataset, features_dir, vocabulary, logits, (rows, count))
    scores = {}
    for question in np.unique(np.asarray(read_array(features_dir, "example_index", count))[rows]).tolist():
        example = dataset.examples[question]
        prediction = normalise(predictions[example.question_id])
        scores[question] = max(f1(prediction, normalise(answer)) for answer in example.answers)
    return scores


def _predict_rows(
    dataset: Dataset,
    features_dir: Path,
    vocabulary: Vocabulary,
    logits: Logits,
    place: tuple[NDArray[np.intp] | slice, int],
) -> dict[str, str]:
    """Return the answer's text by question id; `place` has the logits' features and the number of all features."""
    return texts_of(dataset, _predict_spans(dataset, features_dir, vocabulary, logits, place))


def _predict_spans(
    dataset: Dataset,
    features_dir: Path,
    vocabulary: Vocabulary,
    logits: Logits,
    place: tuple[NDArray[np.intp] | slice, int],
) -> list[Span | None]:
    """Return the answer to each question in the dataset's order; see `_predict_rows`."""
    rows, features = place

    def array(name: str) -> NDArray[Any]:
        return np.asarray(read_array(features_dir, name, features)[rows])

    input_ids, word_of = array("input_ids"), array("token_to_word")
    found = best_spans(logits.start, logits.end, word_of >= 0, array("max_context"))
    best = best_features(found, array("example_index"), len(dataset.examples))
    spans: list[Span | None] = []
    for example, row in zip(dataset.examples, best.tolist(), strict=True):
        if row < 0:
            spans.append(None)
            continue
        first, last = int(found.first[row]), int(found.last[row])
        words, begin = dataset.paragraphs[example.paragraph_index], word_of[row, first]
        original = " ".join(words[begin : word_of[row, last] + 1])
        predicted = join_pieces(vocabulary.tokens[piece] for piece in input_ids[row, first : last + 1].tolist())
        before = sum(len(word) + 1 for word in words[:begin])
        start, end = projected(predicted, original)
        spans.append((before + start, before + end))
    return spans


def accuracy_text(evaluation: SquadEvaluation) -> str:
    """Return the content of accuracy.txt in the format of MLPerf's submission checker."""
    # The checker's pattern allows digits and a point, but no exponent.
    exact_match, f1 = (np.format_float_positional(value, trim="0") for value in evaluation.scores)
    note = f"note: {evaluation.sample_note}\n" if evaluation.sample_note else ""
    return f'{{"exact_match": {exact_match}, "f1": {f1}}}\nhash={evaluation.log_sha256}\n{note}'


def read_logits(path: Path, count: int, columns: int) -> Logits:
    """Read the logits of every feature; a payload holds a float32 pair (start, end) for each token.

    Raises:
        AccuracyError: the log is unreadable, truncated or damaged; a feature has no result, two results, too many
            logits or infinite ones; or a result belongs to no feature.
    """
    start = np.full((count, columns), PADDING_LOGIT, dtype=np.float32)
    end = np.full((count, columns), PADDING_LOGIT, dtype=np.float32)
    seen = np.zeros(count, dtype=np.bool_)
    log = AccuracyLog(path)
    for qsl_idx, payload in log:
        problem = _entry_problem(qsl_idx, payload, seen, columns)
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
        problem = f"has logits that are not finite in {len(infinite)} samples (the first is qsl_idx {infinite[0]})"
        raise AccuracyError(path, problem, "check the model and the engine")
    return Logits(start, end, log.sha256)


def _entry_problem(qsl_idx: int, payload: bytes, seen: NDArray[np.bool_], columns: int) -> str:
    if qsl_idx >= len(seen):
        return f"has a result for qsl_idx {qsl_idx}, but there are {len(seen)} samples"
    if seen[qsl_idx]:
        return f"has two results for qsl_idx {qsl_idx}"
    if len(payload) % _PAIR_BYTES:
        return f"has {len(payload)} bytes for qsl_idx {qsl_idx}, which are not whole pairs of float32 logits"
    if len(payload) > columns * _PAIR_BYTES:
        return f"has {len(payload) // _PAIR_BYTES} pairs of logits for qsl_idx {qsl_idx}, more than {columns}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt and answers.bin (and predictions.json), print one JSON line, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.squad", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    parser.add_argument("--features", type=Path, required=True, help="the features folder of the run")
    parser.add_argument("--dataset", type=Path, required=True, help="the SQuAD v1.1 file of the run")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    parser.add_argument("--predictions", type=Path, help="the predictions.json to write")
    options = parser.parse_args(arguments)

    def compute() -> dict[str, Any]:
        evaluation = evaluate(options.log, options.features, options.dataset)
        if options.predictions:
            write_text(options.predictions, json.dumps(evaluation.predictions, indent=4) + "\n")
        write_answers(options.out.with_name(ANSWERS_FILE), [evaluation.answers])
        write_text(options.out, accuracy_text(evaluation))
        facts = {**evaluation._asdict(), "questions": len(evaluation.predictions), "accuracy_txt": str(options.out)}
        return {**evaluation.scores._asdict(), **{name: facts[name] for name in _PRINTED}}

    return report(compute)


if __name__ == "__main__":
    sys.exit(main())
