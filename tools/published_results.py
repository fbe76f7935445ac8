"""Write the shipped files of published results from the CSV tables of mlcommons/cm4mlperf-results.

`python tools/published_results.py --images mobilenet.csv --berts bert_edge_open.csv --accuracy published_accuracy.csv`
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlperf_home.contracts.codec import encode
from mlperf_home.prediction.crowd import crowd_of
from mlperf_home.prediction.gaussian import learn
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.families import family_of
from mlperf_home.published.results import (
    UNKNOWN_RUNTIME,
    PublishedModel,
    PublishedResults,
    PublishedRow,
    PublishedSystem,
    pack,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Row = Mapping[str, str]

TARGET = Path(__file__).parents[1] / "src" / "mlperf_home" / "published"
SOURCE = "https://github.com/mlcommons/cm4mlperf-results"
LICENCE = "Apache-2.0"
IMAGES_LEFT_OUT = "operating systems, counts of repeated rows"
BERTS_LEFT_OUT = "operating systems, URLs, weight types, benchmarks other than BERT, rows that repeat a result as power"
_LIVE = "live"


def main() -> int:
    """Write both files; return 1 if a table cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("images", "berts", "accuracy"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    macs = dict(_macs(options.accuracy))
    _write("images", _images(_rows(options.images), macs))
    _write("berts", _berts(_rows(options.berts)))
    return 0


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _macs(path: Path) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Yield MACs by family, multiplier and resolution; each EfficientNet has one resolution."""
    for row in _rows(path):
        resolution = "" if row["model"].startswith("efficientnet") else row["resolution"]
        if row["MACs_M"]:
            yield (row["model"], row["multiplier"], resolution), float(row["MACs_M"])


def image_runtime(platform: str, system: str, framework: str) -> str:
    """Return the runtime class of a platform; unknown if the platform's name contradicts another field."""
    name, software = platform.lower(), framework.lower()
    if "opencl" in name:
        return "armnn-opencl"
    if "odroid" in name and "odroid" not in system.lower():
        return UNKNOWN_RUNTIME
    if ("armnn" in name) != ("armnn" in software):
        return UNKNOWN_RUNTIME
    if "armnn" in name:
        return "armnn-neon"
    return "tflite-ruy" if "ruy" in software else "tflite-cpp"


def _images(rows: Iterable[Row], macs: Mapping[tuple[str, str, str], float]) -> PublishedResults:
    systems: dict[PublishedSystem, int] = {}
    models: dict[str, PublishedModel] = {}
    numbers: dict[str, int] = {}
    found = []
    for row in rows:
        size = (row["family"], row["multiplier"], row["resolution"])
        name = "/".join(word for word in (*size, row["precision"]) if word)
        models.setdefault(name, PublishedModel(name=name, macs_m=macs.get(size)))
        system = PublishedSystem(
            **{key: row[key] for key in ("round", "organization", "platform", "cpu", "sockets", "cores", "framework")},
            name=row["system"],
            family=family_of(row["cpu"], row["platform"]),
            runtime=image_runtime(row["platform"], row["system"], row["framework"]),
            live_preprocessing=_LIVE in row["framework"] or _LIVE in row["platform"],
        )
        number = numbers.setdefault(name, len(numbers))
        values = (_number(row["latency_ms"]), None, _number(row["top1"]), _number(row["energy_mj"]), None)
        found.append(PublishedRow(systems.setdefault(system, len(systems)), number, 0, *values))
    results = PublishedResults(
        schema=1,
        benchmark="resnet",
        source=SOURCE,
        licence=LICENCE,
        left_out=IMAGES_LEFT_OUT,
        sample=False,
        scenarios=("SingleStream",),
        models=tuple(models.values()),
        systems=tuple(systems),
        rows=tuple(found),
    )
    return with_probes(results)


def with_probes(results: PublishedResults) -> PublishedResults:
    """Return the results with the order in which its models are best measured."""
    names = [row.model for row in read_classifiers() if not row.sample]
    crowd = crowd_of(results, names)
    order = choose_probes(learn(crowd), crowd.models, len(crowd.models))
    return replace(results, probes=order)


def _berts(rows: Iterable[Row]) -> PublishedResults:
    systems: dict[PublishedSystem, int] = {}
    models: dict[str, int] = {}
    scenarios: dict[str, int] = {}
    found = []
    for row in rows:
        unit = row["Result_Units"]
        if not row["MlperfModel"].startswith("bert") or unit not in {"Samples/s", "Latency (ms)"}:
            continue
        accelerator = "" if row["accelerator_model_name"] == "N/A" else row["accelerator_model_name"]
        system = PublishedSystem(
            round=row["version"],
            organization=row["Organization"],
            platform=row["Platform"],
            name=row["SystemName"],
            cpu=row["host_processor_model_name"],
            family=family_of(row["host_processor_model_name"], row["Platform"]),
            sockets=row["host_processors_per_node"],
            cores=row["host_processor_core_count"],
            framework=row["framework"],
            runtime="accelerator" if accelerator else bert_runtime(row["framework"]),
        )
        result, power = _number(row["Result"]), _number(row["Result_Power"])
        found.append(
            PublishedRow(
                systems.setdefault(system, len(systems)),
                models.setdefault(row["Model"], len(models)),
                scenarios.setdefault(row["Scenario"], len(scenarios)),
                result if unit == "Latency (ms)" else None,
                result if unit == "Samples/s" else None,
                _number(row["Accuracy"]),
                power if row["Result_Power_Units"] == "millijoules" else None,
                power if row["Result_Power_Units"] == "Watts" else None,
            )
        )
    return PublishedResults(
        schema=1,
        benchmark="bert-99",
        source=SOURCE,
        licence=LICENCE,
        left_out=BERTS_LEFT_OUT,
        sample=False,
        scenarios=tuple(scenarios),
        models=tuple(PublishedModel(name=name) for name in models),
        systems=tuple(systems),
        rows=tuple(found),
    )


def bert_runtime(framework: str) -> str:
    """Return the runtime class of a framework's name."""
    name = framework.lower()
    known = ("deepsparse", "onnx", "tensorrt", "pytorch", "tensorflow")
    return next((each for each in known if each in name), UNKNOWN_RUNTIME)


def _number(text: str) -> float | None:
    return float(text) if text not in {"", "None"} else None


def _write(name: str, results: PublishedResults) -> None:
    path = TARGET / f"{name}.json.xz"
    path.write_bytes(pack(json.dumps(encode(results), separators=(",", ":")).encode()))
    print(f"{path}: {len(results.rows)} results of {len(results.systems)} systems, {path.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
