"""The sample's BERT models, dense, and pruned and quantised; trained by `sample_training.bert`.

sample.json holds their provenance and scores. They only answer the sample's own questions
(`mlperf_home.samples.questions`).
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from scriptgraph.files.json_reader import read_json

# Engines map the model's file, so it has to be one: the package is never run from a zip.
FOLDER = Path(__file__).parent
MODELS = MappingProxyType({"dense": FOLDER / "dense.onnx", "pruned-quantised": FOLDER / "pruned-quantised.onnx"})
VOCABULARY = FOLDER / "vocab.txt"


def provenance() -> dict[str, Any]:
    """Read sample.json: seeds, command, versions, hashes, sparsity and scores; `sample` is true."""
    return dict(read_json(FOLDER / "sample.json"))
