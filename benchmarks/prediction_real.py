"""Predict real models on this machine's TFLite from each other, to see whether the crowd's lessons carry over.

`--models` is a folder with MobileNets under their publishers' names. Latency hardly depends on the weights, so models
with random weights serve as well.
The crowd used C++ TFLite and ArmNN of 2023, so both engines here are runtime classes that it lacks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from mlperf_home.prediction.calibration import calibrate
from mlperf_home.prediction.crowd import crowd_of
from mlperf_home.prediction.estimate import MeasuredLatency, measured_latency, predict_machine
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import shipped_results

ENGINES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
_FEW = 6
PRECISIONS = {"quant": "uint8", "float": "fp32"}


def model_of(path: Path) -> str:
    """Return our name of a publisher's file: mobilenet_v1_0.25_128_quant is mobilenet-v1/0.25/128/uint8."""
    family, version, width, side, precision = path.stem.split("_")
    return f"{family}-{version}/{width}/{side}/{PRECISIONS[precision]}"


def opened(path: Path, module: Any, threads: int) -> Any:
    """Open a model with an input of zeros."""
    interpreter = module.Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]
    interpreter.set_tensor(place["index"], np.zeros(place["shape"], place["dtype"]))
    interpreter.invoke()
    return interpreter


def measure(paths: list[Path], module: Any, seconds: float, rounds: int) -> dict[str, MeasuredLatency]:
    """Return the latency of each model with one thread, measured in turns.

    It is the median of CPU times, which other programs disturb least.
    """
    interpreters = {model_of(path): opened(path, module, 1) for path in paths}
    values: dict[str, list[float]] = {model: [] for model in interpreters}
    for _ in range(rounds):
        for model, interpreter in interpreters.items():
            times, end_s = [], time.monotonic() + seconds
            while time.monotonic() < end_s:
                start_ns = time.thread_time_ns()
                interpreter.invoke()
                times.append((time.thread_time_ns() - start_ns) / 1e6)
            values[model].append(statistics.median(times))
    return {model: measured_latency(each) for model, each in values.items()}


def left_out(measured: dict[str, MeasuredLatency], runtime: str, count: int) -> list[dict[str, float]]:
    """Predict models from `count` others: from each choice among a few, else from the most telling ones."""
    models = [row.model for row in read_classifiers() if not row.sample]
    results = shipped_results("images")
    crowd = crowd_of(results, models)
    rows = []
    telling = [tuple(model for model in results.probes if model in measured)[:count]]
    for chosen in itertools.combinations(measured, count) if len(measured) <= _FEW else telling:
        found = predict_machine(results, models, {model: measured[model] for model in chosen}, runtime)
        narrow = calibrate(crowd, crowd.places(chosen), "tflite-cpp")
        for model in measured.keys() - set(chosen):
            place = models.index(model)
            off = abs(np.log(measured[model].latency_ms) - float(found.prediction.mean[place]))
            sd = float(found.prediction.sd[place])
            rows.append(
                {
                    "error": float(np.expm1(off)),
                    "inside": float(off <= found.reach * sd),
                    "inside_if_known": float(off <= narrow * sd),
                    "width": float(np.expm1(found.reach * sd)),
                    "width_if_known": float(np.expm1(narrow * sd)),
                    "distance": found.prediction.distance,
                }
            )
    return rows


def main() -> int:
    """Print a table; return 0, as there is no aim: the figures are reported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    published = set(shipped_results("images").probes)
    paths = [path for path in sorted(options.models.glob("mobilenet_*.tflite")) if model_of(path) in published]
    document: dict[str, Any] = {}
    columns = ("engine", "measured", "median error", "worst", "inside", "inside if known", "width", "distance")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for runtime, module in ENGINES.items():
        try:
            engine = __import__(module, fromlist=["Interpreter"])
        except ImportError:
            continue
        measured = measure(paths, engine, options.seconds, options.rounds)
        document[runtime] = {model: each.latency_ms for model, each in measured.items()}
        for count in range(3, min(len(measured), 13)):
            rows = left_out(measured, runtime, count)
            column = {name: [row[name] for row in rows] for name in rows[0]}
            figures = [
                statistics.median(column["error"]),
                max(column["error"]),
                *(statistics.mean(column[name]) for name in ("inside", "inside_if_known")),
                statistics.median(column["width"]),
            ]
            distance = statistics.median(column["distance"])
            cells = " | ".join(f"{figure:.0%}" for figure in figures)
            print(f"| {runtime} | {count} | {cells} | {distance:.1f} |", flush=True)
            document[f"{runtime}, {count} measured"] = {"figures": figures, "distance": distance}
    if options.json:
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
