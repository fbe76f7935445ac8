"""Results with the answers of their accuracy run, and results of a latency alone."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from submission_results import ours

from mlperf_home.contracts.studies.estimate import CopiedAccuracy
from mlperf_home.loadgen_logs.accuracy_log import AccuracyLog
from mlperf_home.loadgen_logs.answer_writer import write_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE, AnswerColumn, class_column
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.latency_only import with_copied_accuracy
from mlperf_home.measurements.measurement import read_measurement, to_json
from mlperf_home.published.copied import copied_accuracies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "mobilenet-v1/0.25/128/uint8"
IMAGES = 50_000


def answers_of(log: Path, images: int = IMAGES) -> AnswerColumn:
    """Return the classes in an accuracy log of floats; images without a result have the class 7."""
    classes: list[int | None] = [7] * images
    entries = AccuracyLog(log)
    for index, payload in entries:
        classes[index] = int(struct.unpack("<f", payload)[0])
    return class_column(entries.sha256, classes)


def answered(change: Callable[[AnswerColumn], AnswerColumn] = lambda column: column) -> Callable[..., Path]:
    """Return a function like `ours` that writes an image classifier's result with its answers, changed."""

    def write(results: Path, *, sample: bool = False) -> Path:
        folder = ours(results, MODEL.replace("/", "_"), "SingleStream", "resnet", sample=sample)
        column = answers_of(folder / "accuracy" / "mlperf_log_accuracy.json")
        write_answers(folder / "accuracy" / ANSWERS_FILE, [change(column)])
        return folder

    return write


def latency_only(name: str, percent: float | None = None, *, of_sample: bool = False) -> Callable[..., Path]:
    """Return a function like `ours` that writes a result without a dataset: of a model's name, with a copied accuracy.

    `percent` replaces the accuracy that others published of `MODEL`.
    """

    def write(results: Path, *, sample: bool = False) -> Path:
        del sample  # its images are the sample's in any case
        folder = ours(results, name, "SingleStream", "resnet", sample=True)
        shutil.rmtree(folder / "accuracy")
        (folder / "accuracy-session.json").unlink()
        accuracy = next(iter(copied_accuracies([MODEL], sample=of_sample).values()))
        copied = CopiedAccuracy(percent=accuracy.percent if percent is None else percent, source=accuracy.source)
        facts = read_measurement(folder / "measurement.json").model
        measured = ingest(folder, model_name=name)
        measured = replace(measured, model={**measured.model, **{key: facts[key] for key in ("weight_type",)}})
        (folder / "measurement.json").write_text(to_json(with_copied_accuracy(measured, "top1_percent", copied)))
        return folder

    return write
