"""Compute top-1 accuracy from an accuracy log and ImageNet's labels, to the digit as MLPerf's script does.

`python -m mlperf_home.accuracy.imagenet --log F (--images DIR | --labels F) [--dtype float32] --out accuracy.txt`

Semantics of `accuracy-imagenet.py` in MLPerf inference v3.1: the first of several results for one image counts. The
class is the first value of a result, truncated to a whole number. The total is the number of images with a result.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlperf_home.datasets.base import report
from mlperf_home.datasets.imagenet.images import CLASSES, read_labels
from mlperf_home.datasets.imagenet.samples import LABELS_FILE, PROVENANCE
from mlperf_home.loadgen_logs.accuracy_log import AccuracyError, AccuracyLog, write_text
from mlperf_home.loadgen_logs.answer_writer import write_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE, AnswerColumn, class_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.datasets.imagenet.images import Labels

# The types in which a system under test may write the predicted class.
DTYPES = ("float32", "int32", "int64")
_RUN_AGAIN = "rerun the accuracy mode with these images"


class ImagenetEvaluation(NamedTuple):
    """The accuracy of a run.

    Attributes:
        good: the images whose class was predicted.
        total: the images with a result.
        log_sha256: the hash of the accuracy log.
        notes: the reasons why the result is not official or is doubtful.
        answers: the class of each image.
    """

    good: int
    total: int
    log_sha256: str
    notes: tuple[str, ...]
    answers: AnswerColumn

    @property
    def top1_percent(self) -> float:
        """The share of the images with a result whose class was predicted, in percent."""
        return 100.0 * self.good / self.total


def evaluate(log: Path, images: Path, dtype: str = "float32") -> ImagenetEvaluation:
    """Score the accuracy log of a run on `images`, its folder of preprocessed images.

    Raises:
        AccuracyError: the log is unreadable, truncated, damaged or of another run, or an image has no result.
        DatasetError: the folder is unreadable.
    """
    facts = PROVENANCE.read(images)
    labels = read_labels(images / LABELS_FILE)
    if labels.sha256 != facts["labels_sha256"]:
        raise AccuracyError(labels.path, "does not belong to the images", "preprocess the images again")
    evaluation = score_log(log, labels, dtype)
    if evaluation.total != len(labels.names):
        missing = len(labels.names) - evaluation.total
        raise AccuracyError(log, f"has no result for {missing} of {len(labels.names)} images", _RUN_AGAIN)
    return evaluation._replace(notes=(*facts["notes"], *evaluation.notes))


def score_log(log: Path, labels: Labels, dtype: str = "float32") -> ImagenetEvaluation:
    """Score an accuracy log by a label file, as MLPerf's script does, but one entry at a time.

    Raises:
        AccuracyError: the log is unreadable, truncated or damaged, or an entry is not a result for a listed image.
    """
    expected = labels.classes
    classes: list[int | None] = [None] * len(expected)
    entries = AccuracyLog(log)
    for qsl_idx, payload in entries:
        if qsl_idx >= len(expected):
            problem = f"has a result for qsl_idx {qsl_idx}, but there are {len(expected)} images"
            raise AccuracyError(log, problem, _RUN_AGAIN)
        if classes[qsl_idx] is None:
            classes[qsl_idx] = _decode_class(log, qsl_idx, payload, dtype)
    known = [each for each in classes if each is not None]
    good = sum(each == right for each, right in zip(classes, expected, strict=True))
    invalid = sum(not -1 <= each < CLASSES for each in known)
    note = f"{invalid} results are not classes from 0 to {CLASSES - 1}; the log may hold another type than {dtype}"
    answers = class_column(entries.sha256, classes)
    return ImagenetEvaluation(good, len(known), entries.sha256, (note,) if invalid else (), answers)


def accuracy_text(evaluation: ImagenetEvaluation) -> str:
    """Return the content of accuracy.txt in the format of MLPerf's submission checker."""
    good, total, log_sha256, notes, _ = evaluation
    lines = [f"accuracy={evaluation.top1_percent:.3f}%, good={good}, total={total}", f"hash={log_sha256}"]
    return "".join(f"{line}\n" for line in (*lines, *(f"note: {note}" for note in notes)))


def _decode_class(log: Path, qsl_idx: int, payload: bytes, dtype: str) -> int:
    kind = np.dtype(dtype).newbyteorder("<")
    if not payload or len(payload) % kind.itemsize:
        problem = f"has {len(payload)} bytes for qsl_idx {qsl_idx}, which is not a class of type {dtype}"
        raise AccuracyError(log, problem, f"pass the type in which the run wrote classes, --dtype {', '.join(DTYPES)}")
    value = np.frombuffer(payload, kind, count=1)[0]
    if not np.isfinite(value):
        raise AccuracyError(log, f"has no finite number for qsl_idx {qsl_idx}", "check the model and the engine")
    return int(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt and answers.bin, print one JSON line, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.imagenet", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", type=Path, help="the run's folder of preprocessed images; all must have results")
    source.add_argument("--labels", type=Path, help="val_map.txt alone, as for MLPerf's script")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="the type in which the run wrote classes")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    options = parser.parse_args(arguments)

    def compute() -> dict[str, Any]:
        if options.images:
            evaluation = evaluate(options.log, options.images, options.dtype)
        else:
            evaluation = score_log(options.log, read_labels(options.labels), options.dtype)
        write_answers(options.out.with_name(ANSWERS_FILE), [evaluation.answers])
        write_text(options.out, accuracy_text(evaluation))
        facts = {"good": evaluation.good, "total": evaluation.total, "log_sha256": evaluation.log_sha256}
        printed = {"top1_percent": evaluation.top1_percent, **facts, "notes": evaluation.notes}
        return {**printed, "accuracy_txt": str(options.out)}

    return report(compute)


if __name__ == "__main__":
    sys.exit(main())
