"""Write the embedded sample's crowd: made-up machines with latencies of the sample's eight models.

They are drawn from a seed and exist nowhere; every field says so. `python tools/sample_crowd.py`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from mlperf_home.contracts.codec import encode
from mlperf_home.prediction.crowd import crowd_of
from mlperf_home.prediction.gaussian import learn
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import PublishedModel, PublishedResults, PublishedRow, PublishedSystem, pack

TARGET = Path(__file__).parents[1] / "src" / "mlperf_home" / "published" / "sample.json.xz"
MADE_UP = "made up for the embedded sample"
RUNTIMES = ("litert", "tflite-runtime")
FAMILIES, MACHINES = 6, 4
_FULL_MACS_M, _FULL_SIDE = 569.0, 224.0
_SEED = 7


def macs_m(model: str) -> float:
    """Return the millions of multiplications of a sample's MobileNet, about, from its width and resolution."""
    _, width, side, _ = model.split("/")
    return float(_FULL_MACS_M * float(width) ** 2 * (float(side) / _FULL_SIDE) ** 2)


def main() -> int:
    """Draw the machines, and write the file."""
    models = [row.model for row in read_classifiers() if row.sample]
    random = np.random.default_rng(_SEED)
    size = np.log([macs_m(model) / 3 for model in models])
    quantised = np.array([model.endswith("int8") for model in models])
    systems, rows = [], []
    for family in range(FAMILIES):
        level, growth, gain = random.normal([-2.5, 0.75, 0.0], [0.8, 0.12, 0.4])
        for runtime in RUNTIMES:
            shift = random.normal([0.0, 0.2 if runtime == "tflite-runtime" else 0.0], [0.1, 0.2])
            for machine in range(MACHINES // len(RUNTIMES)):
                name = f"Made-up machine {family + 1}.{len(systems) + 1}"
                systems.append(
                    PublishedSystem(
                        round="none",
                        organization=MADE_UP,
                        platform=name,
                        name=name,
                        cpu=f"Made-up CPU {family + 1}{'ab'[machine]}",
                        family=f"Made-up family {family + 1}",
                        sockets="",
                        cores="",
                        framework=MADE_UP,
                        runtime=runtime,
                    )
                )
                own = random.normal(0, 0.3)
                noise = random.normal(0, 0.03, len(models))
                logs = level + own + growth * size + quantised * (gain + shift[1]) + shift[0] + noise
                number = len(systems) - 1
                rows += [
                    PublishedRow(number, place, 0, round(float(np.exp(log)), 6), None, None, None, None)
                    for place, log in enumerate(logs)
                ]
    results = PublishedResults(
        schema=1,
        benchmark="resnet",
        source=MADE_UP,
        licence="Apache-2.0",
        left_out="",
        sample=True,
        scenarios=("SingleStream",),
        models=tuple(PublishedModel(name=model, macs_m=macs_m(model)) for model in models),
        systems=tuple(systems),
        rows=tuple(rows),
    )
    crowd = crowd_of(results, models)
    document = encode(results) | {"probes": choose_probes(learn(crowd), models, len(models))}
    TARGET.write_bytes(pack(json.dumps(document, separators=(",", ":")).encode()))
    print(f"{TARGET}: {len(systems)} made-up machines, {TARGET.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
