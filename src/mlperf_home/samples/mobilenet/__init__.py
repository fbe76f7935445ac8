"""The sample's MobileNets: two widths, two resolutions, float and int8; trained by `sample_training.mobilenet`.

sample.json holds their provenance, accuracies and order of speed. They only classify the sample's own images
(`mlperf_home.samples.images.image_files`).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scriptgraph.files.json_reader import read_json

# Engines map the model's file, so it has to be one: the package is never run from a zip.
FOLDER = Path(__file__).parent
_VARIANTS = product(("0.25", "0.50"), ("64", "96"), ("float", "int8"))
_NAMES = tuple("_".join(("mobilenet", *variant)) for variant in _VARIANTS)
MODELS = MappingProxyType({name: FOLDER / f"{name}.tflite" for name in _NAMES})


def provenance() -> dict[str, Any]:
    """Read sample.json: seed, command, versions, hashes, and under `models` what each file is; `sample` is true."""
    return dict(read_json(FOLDER / "sample.json"))
