"""From an accuracy log and ImageNet's labels to accuracy.txt: top-1 accuracy, to the digit as MLPerf's script gives it.

`python -m mlperf_home.accuracy.imagenet --log F (--images DIR | --labels F) [--dtype float32] --out accuracy.txt`

Semantics of `accuracy-imagenet.py` in MLPerf inference v3.1: of several results for one image the first counts, the
class is the first value of a result, cut off to a whole number, and the total is of the images that have a result.
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.datasets.imagenet.images import Labels

# How a system under test may write the class that it found.
DTYPES = ("float32", "int32", "int64")
_RUN_AGAIN = "run the accuracy mode again with the images given here"


class Evaluation(NamedTuple):
    """The outcome of an accuracy run: images whose class was found, and with a result; the accuracy log's hash.

    `notes` say what keeps the result from being official, or makes one doubt it.
    """

    good: int
    total: int
    log_sha256: str
    notes: tuple[str, ...]

    @property
    def top1_percent(self) -> float:
        """Images whose class was found, of a hundred with a result."""
        return 100.0 * self.good / self.total


def evaluate(log: Path, images: Path, dtype: str = "float32") -> Evaluation:
    """Score the accuracy log of a run on `images`, the folder of preprocessed images that the run used.

    Every image has to have a result.

    Raises:
        AccuracyError: the log is unreadable, truncated, damaged or of another run, or lacks results.
        DatasetError: the folder is unreadable.
    """
    facts = PROVENANCE.read(images)
    labels = read_labels(images / LABELS_FILE)
    if labels.sha256 != facts["labels_sha256"]:
        raise AccuracyError(labels.path, "is not the one of the images", "make the images again")
    evaluation = score_log(log, labels, dtype)
    if evaluation.total != len(labels.names):
        missing = len(labels.names) - evaluation.total
        raise AccuracyError(log, f"has no result for {missing} of {len(labels.names)} images", _RUN_AGAIN)
    return evaluation._replace(notes=(*facts["notes"], *evaluation.notes))


def score_log(log: Path, labels: Labels, dtype: str = "float32") -> Evaluation:
    """Score an accuracy log by a label file, as the official script does, piece by piece.

    Raises:
        AccuracyError: the log is unreadable, truncated, damaged, or holds what is no result for an image of the list.
    """
    expected = labels.classes
    seen = bytearray(len(expected))
    good, total, beyond = 0, 0, 0
    entries = AccuracyLog(log)
    for qsl_idx, payload in entries:
        if qsl_idx >= len(expected):
            problem = f"has a result for qsl_idx {qsl_idx}, but there are {len(expected)} images"
            raise AccuracyError(log, problem, _RUN_AGAIN)
        if seen[qsl_idx]:
            continue
        found = _found(log, qsl_idx, payload, dtype)
        seen[qsl_idx] = 1
        total += 1
        good += found == expected[qsl_idx]
        beyond += not -1 <= found < CLASSES
    doubt = f"{beyond} results are no class from 0 to {CLASSES - 1}: the log may hold another type than {dtype}"
    return Evaluation(good, total, entries.sha256, (doubt,) if beyond else ())


def accuracy_text(evaluation: Evaluation) -> str:
    """Return the content of accuracy.txt, in the form that MLPerf's submission checker matches."""
    good, total, log_sha256, notes = evaluation
    lines = [f"accuracy={evaluation.top1_percent:.3f}%, good={good}, total={total}", f"hash={log_sha256}"]
    return "".join(f"{line}\n" for line in (*lines, *(f"note: {note}" for note in notes)))


def _found(log: Path, qsl_idx: int, payload: bytes, dtype: str) -> int:
    kind = np.dtype(dtype).newbyteorder("<")
    if not payload or len(payload) % kind.itemsize:
        problem = f"has {len(payload)} bytes for qsl_idx {qsl_idx}: no class as {dtype}"
        raise AccuracyError(log, problem, f"say how the run wrote classes: --dtype {', '.join(DTYPES)}")
    value = np.frombuffer(payload, kind, count=1)[0]
    if not np.isfinite(value):
        raise AccuracyError(log, f"has no number for qsl_idx {qsl_idx}", "check the model and the engine")
    return int(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write accuracy.txt and print one JSON line; return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.accuracy.imagenet", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="LoadGen's mlperf_log_accuracy.json")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--images", type=Path, help="the folder of preprocessed images of the run: all must have results"
    )
    source.add_argument("--labels", type=Path, help="val_map.txt alone, as the official script takes it")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="how the run wrote classes")
    parser.add_argument("--out", type=Path, required=True, help="the accuracy.txt to write")
    chosen = parser.parse_args(arguments)

    def compute() -> dict[str, Any]:
        if chosen.images:
            evaluation = evaluate(chosen.log, chosen.images, chosen.dtype)
        else:
            evaluation = score_log(chosen.log, read_labels(chosen.labels), chosen.dtype)
        write_text(chosen.out, accuracy_text(evaluation))
        return {"top1_percent": evaluation.top1_percent, **evaluation._asdict(), "accuracy_txt": str(chosen.out)}

    return report(compute)


if __name__ == "__main__":
    sys.exit(main())
