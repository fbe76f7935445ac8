"""The features folder (memory-mapped arrays, vocabulary, provenance) and LoadGen's samples of it."""

from __future__ import annotations

import shutil
import tempfile
import unicodedata
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import QUESTION_ANSWERING_INPUTS, DatasetError
from mlperf_home.datasets.provenance import PreprocessedSamples, ProvenanceFile, SampleFacts
from mlperf_home.datasets.squad.reading import OFFICIAL_NAME
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.datasets.squad.features import Features
    from mlperf_home.datasets.squad.reading import Dataset, Vocabulary

PROVENANCE_FILE = "features.json"
VOCABULARY_FILE = "vocab.txt"
FORMAT = 1
# performance_sample_count of bert in v3.1: all features of the official set.
PERFORMANCE_COUNT = 10833

_ADVICE = "make the features again: python -m mlperf_home.datasets.squad"


class FeatureFacts(SampleFacts):
    """The description of a folder of features."""

    features: int
    dataset_sha256: str
    vocab_sha256: str


PROVENANCE = ProvenanceFile(PROVENANCE_FILE, "features", FORMAT, FeatureFacts, _ADVICE)


def provenance(dataset: Dataset, vocabulary: Vocabulary, features: Features) -> dict[str, Any]:
    """Return the description of a features folder as JSON values; equal content has an equal description."""
    from mlperf_home.datasets.squad import features as rules  # noqa: PLC0415 - readers need no tokeniser

    count = len(features.lengths)
    notes = []
    if dataset.name != OFFICIAL_NAME:
        notes.append("the dataset is not the official SQuAD v1.1 development set: no official result")
    if count < PERFORMANCE_COUNT:
        notes.append(f"{count} features, while v3.1 wants {PERFORMANCE_COUNT} loaded: no official result")
    return {
        "format": FORMAT,
        "name": dataset.name,
        "version": dataset.version,
        "sample_note": dataset.sample_note,
        "notes": notes,
        "dataset_sha256": dataset.sha256,
        "vocab_sha256": vocabulary.sha256,
        "questions": len(dataset.examples),
        "features": count,
        "performance_count": min(count, PERFORMANCE_COUNT),
        "mean_length_tokens": round(float(features.lengths.mean()), 2) if count else None,
        "max_seq_length": rules.MAX_SEQ_LENGTH,
        "doc_stride": rules.DOC_STRIDE,
        "max_query_length": rules.MAX_QUERY_LENGTH,
        "unicode_version": unicodedata.unidata_version,
    }


def write_folder(folder: Path, features: Features, vocabulary: Vocabulary, facts: dict[str, Any]) -> None:
    """Write a features folder atomically; replace an older features folder of that name.

    Raises:
        DatasetError: the folder exists and is not a features folder, or cannot be written.
    """
    if not PROVENANCE.replaceable(folder):
        raise DatasetError(folder, "exists and is not a features folder", "pass another --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as partial:
            complete = Path(partial) / "features"
            complete.mkdir()
            for field in fields(features):
                np.save(complete / f"{field.name}.npy", getattr(features, field.name), allow_pickle=False)
            (complete / VOCABULARY_FILE).write_bytes(vocabulary.content)
            (complete / PROVENANCE_FILE).write_text(PROVENANCE.text(facts), encoding="utf-8")
            if folder.exists():
                # The temporary folder is removed with it.
                folder.rename(Path(partial) / "replaced")
            complete.rename(folder)
        sync_folder(folder.parent)
    except (OSError, shutil.Error) as error:
        advice = "pass a writable --out with enough space"
        raise DatasetError(folder, f"cannot be written ({error.strerror or error})", advice) from error


def read_array(folder: Path, name: str, count: int) -> NDArray[Any]:
    """Map one array of a features folder into memory, read-only.

    Raises:
        DatasetError: the array is absent, broken, or has other than `count` rows.
    """
    path = folder / f"{name}.npy"
    array = PROVENANCE.map_array(path)
    if array.shape[:1] != (count,):
        raise DatasetError(path, f"has {array.shape[:1]} rows, but {PROVENANCE_FILE} has {count}", _ADVICE)
    return array


class SquadSamples(PreprocessedSamples):
    """The samples of a features folder: implements `datasets.base.Samples`; rows have `max_length` columns."""

    def __init__(self, folder: Path) -> None:
        """Open a folder and map its arrays without reading them.

        Raises:
            DatasetError: the folder is absent, incomplete or broken.
        """
        facts = PROVENANCE.read(folder)
        super().__init__(facts, "features", "dataset_sha256", "vocab_sha256")
        self._mapped = tuple(read_array(folder, name, self.count) for name in QUESTION_ANSWERING_INPUTS)
        self._rows: Inputs = self._mapped
        self._loaded = 0
        self.lengths: NDArray[np.int32] | None = np.array(read_array(folder, "lengths", self.count))
        self.max_length = int(self._mapped[0].shape[1])

    def adapt(self, model: Mapping[str, Any]) -> None:
        """Do nothing: every BERT takes the same three arrays."""

    def load(self, indices: Sequence[int]) -> None:
        """Load all features into memory (100 MB for the official set)."""
        if not self._loaded:
            self._rows = tuple(np.array(array) for array in self._mapped)
        self._loaded += len(indices)

    def unload(self, indices: Sequence[int]) -> None:
        """Release the memory when as many features have been unloaded as loaded."""
        self._loaded = max(0, self._loaded - len(indices))
        if not self._loaded:
            self._rows = self._mapped

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """Return input_ids, attention_mask and token_type_ids, each contiguous (len(indices), length) int64.

        Raises:
            ValueError: a feature does not fit into `length`.
        """
        width = self.max_length
        columns = width if length is None else length
        if len(indices) == 1 and columns <= width:
            index = int(indices[0])
            if self.lengths is not None and self.lengths[index] > columns:
                raise ValueError(f"a feature is longer than {columns} tokens")
            # A part of one row is contiguous, so nothing is copied while a latency is measured.
            rows = slice(index, index + 1)
            return tuple(array[rows, :columns] for array in self._rows)
        if columns < width and self.lengths is not None and (self.lengths[indices] > columns).any():
            raise ValueError(f"a feature is longer than {columns} tokens")
        # np.take on a narrowed view would copy the entire array first; fancy indexing reads only these rows.
        arrays = [np.ascontiguousarray(array[indices, : min(columns, width)]) for array in self._rows]
        return tuple(np.pad(array, ((0, 0), (0, columns - width))) if columns > width else array for array in arrays)
