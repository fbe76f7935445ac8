"""The sample's MobileNets: two widths, two resolutions, float and int8; trained by `sample_training.mobilenet`.

sample.json says how they were made, how accurate they are and in what order of speed. They tell
the sample's own images (`mlperf_home.samples.images.scenes`) and are of no use on others.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

# Engines map the model's file, so it has to be one: the package is never run from a zip.
FOLDER = Path(str(resources.files(__package__ or "mlperf_home.samples.mobilenet")))
PROVENANCE = FOLDER / "sample.json"
_NAMES = tuple(
    f"mobilenet_{multiplier}_{resolution}_{precision}"
    for multiplier in ("0.25", "0.50")
    for resolution in (64, 96)
    for precision in ("float", "int8")
)
MODELS = MappingProxyType({name: FOLDER / f"{name}.tflite" for name in _NAMES})


def provenance() -> dict[str, Any]:
    """Read sample.json: seed, command, versions, hashes, and under `models` what each file is; `sample` is true."""
    facts: dict[str, Any] = json.loads(PROVENANCE.read_text(encoding="utf-8"))
    return facts
