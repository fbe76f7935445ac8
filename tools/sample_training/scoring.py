"""Compute exact match and F1 of a model file on the sample."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.accuracy.question_scores import score
from mlperf_home.accuracy.squad import PADDING_LOGIT, Logits, predict
from mlperf_home.datasets.base import QUESTION_ANSWERING_INPUTS
from mlperf_home.datasets.squad.features import make_features
from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary
from mlperf_home.datasets.squad.samples import provenance, write_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlperf_home.accuracy.question_scores import Scores
    from mlperf_home.datasets.squad.features import Features

    # (ids, mask, types), each (batch, length) int64 -> start and end logits, each (batch, length) float32.
    Infer = Callable[[list[NDArray[np.int64]]], tuple[NDArray[np.float32], NDArray[np.float32]]]

BATCH = 16


def onnxruntime_infer(model: Path, threads: int) -> Infer:
    """Open a model in onnxruntime and return its inference function."""
    import onnxruntime  # noqa: PLC0415 - only scoring needs an engine

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def infer(inputs: list[NDArray[np.int64]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        start, end = session.run(
            ["start_logits", "end_logits"], dict(zip(QUESTION_ANSWERING_INPUTS, inputs, strict=True))
        )
        return start, end

    return infer


def score_model(infer: Infer, dataset_path: Path, vocabulary_path: Path) -> Scores:
    """Return exact match and F1 on a dataset, in percent."""
    dataset = read_dataset(dataset_path)
    vocabulary = read_vocabulary(vocabulary_path)
    features = make_features(dataset, vocabulary)
    with tempfile.TemporaryDirectory() as folder:
        features_dir = Path(folder) / "features"
        write_folder(features_dir, features, vocabulary, provenance(dataset, vocabulary, features))
        answers = predict(dataset, features_dir, vocabulary, all_logits(infer, features))
    return score(dataset.examples, answers)


def all_logits(infer: Infer, features: Features) -> Logits:
    """Infer all features, in batches of similar length."""
    shape = features.input_ids.shape
    start = np.full(shape, PADDING_LOGIT, dtype=np.float32)
    end = np.full(shape, PADDING_LOGIT, dtype=np.float32)
    order = np.argsort(features.lengths, kind="stable")
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        length = int(features.lengths[rows].max())
        arrays = (features.input_ids, features.attention_mask, features.token_type_ids)
        inputs = [np.ascontiguousarray(array[rows, :length]) for array in arrays]
        start[rows, :length], end[rows, :length] = infer(inputs)
    return Logits(start, end, "")
