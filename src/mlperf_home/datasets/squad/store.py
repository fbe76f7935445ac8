"""The features folder: arrays that can be mapped into memory, the vocabulary, and where they come from."""

from __future__ import annotations

import shutil
import tempfile
import unicodedata
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.provenance import ProvenanceFile
from mlperf_home.datasets.squad.reading import OFFICIAL_NAME
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.datasets.squad.features import Features
    from mlperf_home.datasets.squad.reading import Dataset, Vocabulary

PROVENANCE_FILE = "features.json"
VOCABULARY_FILE = "vocab.txt"
FORMAT = 1
# performance_sample_count of bert in v3.1: every feature of the official set.
PERFORMANCE_COUNT = 10833

_ADVICE = "make the features again: python -m mlperf_home.datasets.squad"
_NEEDED_FACTS = "name features performance_count sample_note notes dataset_sha256 vocab_sha256"
PROVENANCE = ProvenanceFile(PROVENANCE_FILE, "features", FORMAT, frozenset(_NEEDED_FACTS.split()), _ADVICE)


def provenance(dataset: Dataset, vocabulary: Vocabulary, features: Features) -> dict[str, Any]:
    """Describe a features folder: JSON values only, and the same for the same content."""
    from mlperf_home.datasets.squad import features as made  # noqa: PLC0415 - readers do without the tokeniser

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
        "max_seq_length": made.MAX_SEQ_LENGTH,
        "doc_stride": made.DOC_STRIDE,
        "max_query_length": made.MAX_QUERY_LENGTH,
        "unicode_version": unicodedata.unidata_version,
    }


def write_folder(folder: Path, features: Features, vocabulary: Vocabulary, facts: dict[str, Any]) -> None:
    """Write a features folder, whole or not at all; an older features folder of that name is replaced.

    Raises:
        DatasetError: the name is taken by something else, or the place cannot be written.
    """
    if not PROVENANCE.replaceable(folder):
        raise DatasetError(folder, "exists and is not a features folder", "give another --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as partial:
            whole = Path(partial) / "features"
            whole.mkdir()
            for field in fields(features):
                np.save(whole / f"{field.name}.npy", getattr(features, field.name), allow_pickle=False)
            (whole / VOCABULARY_FILE).write_bytes(vocabulary.content)
            (whole / PROVENANCE_FILE).write_text(PROVENANCE.text(facts), encoding="utf-8")
            if folder.exists():
                # Goes away with the temporary folder.
                folder.rename(Path(partial) / "replaced")
            whole.rename(folder)
        sync_folder(folder.parent)
    except (OSError, shutil.Error) as error:
        advice = "give an --out that can be written, with room for it"
        raise DatasetError(folder, f"cannot be written ({error.strerror or error})", advice) from error


def read_array(folder: Path, name: str, count: int) -> NDArray[Any]:
    """Map one array of a features folder into memory, read-only.

    Raises:
        DatasetError: the array is absent, broken, or not of `count` rows.
    """
    path = folder / f"{name}.npy"
    array = PROVENANCE.map_array(path)
    if array.shape[:1] != (count,):
        raise DatasetError(path, f"has {array.shape[:1]} rows where {PROVENANCE_FILE} says {count}", _ADVICE)
    return array
