"""Compare the engines for BERT that run here, with each precision, Offline and SingleStream, in one run.

Run `python benchmarks/bert_engines.py` in an environment with the engines. Those that are absent, or refuse a model,
are listed with their reason. It exits with 1 if a way through LoadGen reaches less than 0.97 of its bare engine.

The second model has the shape of BERT-large, random weights and fewer layers (--layers): it tells speeds, no answers.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rounds import Goal, WayComparison, load_before, report
from sample_job import no_collections
from through_loadgen import ThroughLoadGen
from work_folder import work_folder

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.datasets.squad.__main__ import main as make_features
from mlperf_home.datasets.squad.samples import SquadSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, BackendError, EngineSetup
from mlperf_home.engines.engine import usable_cores
from mlperf_home.harness.queries.parts import buckets, grid_for
from mlperf_home.harness.queries.sut import split_query
from mlperf_home.samples.bert import MODELS
from mlperf_home.samples.questions import write_sample
from mlperf_home.testing import tiny_bert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlperf_home.engines.base import Backend, Prepared

_ENGINES = ("deepsparse", "openvino", "onnxruntime")
_LEAST = 0.97
_BATCH = 4
_SPARSITY = 0.95
_QUESTIONS = 1000
_TAIL = 0.9


@dataclass(frozen=True)
class Way:
    """An engine with a model and its arithmetic."""

    name: str
    engine: str
    model: Path
    options: Mapping[str, Any]


def main() -> int:
    """Compare the ways on both models and in both scenarios; return the exit code."""
    parser = argparse.ArgumentParser(description="BERT on all engines that run here")
    parser.add_argument("--models", default="sample,large", help="sample, large, or both")
    parser.add_argument("--scenarios", default="Offline,SingleStream", help="Offline, SingleStream, or both")
    parser.add_argument("--int8", type=Path, help="the sample's model as NNCF has quantised it, to compare it too")
    parser.add_argument("--layers", type=int, default=3, help="layers of the model of BERT-large's shape; it has 24")
    parser.add_argument("--count", type=int, default=400, help="samples in each round of the sample's model")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    parser.add_argument("--json", type=Path, help="also write the figures below this folder")
    options = parser.parse_args()
    load, work_dir = load_before(), work_folder()
    samples = _samples(work_dir)
    no_collections()
    reached = True
    for name in options.models.split(","):
        large = name == "large"
        ways = _ways(_large(work_dir, options.layers) if large else _small(options.int8))
        count = max(24, options.count // 16) if large else options.count
        for scenario in options.scenarios.split(","):
            title = f"BERT-large's shape, {options.layers} layers" if large else "the sample's model"
            print(f"\n{title}, {scenario}, {count} samples a round")
            grid = grid_for(scenario, Grid(LENGTHS, (_BATCH,) * len(LENGTHS), usable_cores()))
            bench = _Bench(samples, grid, scenario, count, work_dir)
            path = options.json / f"{name}-{scenario}.json" if options.json else None
            reached &= bench.compare(ways, options.rounds, {"model": title, "load_before": load}, path)
    return 0 if reached else 1


def _samples(folder: Path) -> SquadSamples:
    dataset, vocabulary = write_sample(folder, questions=_QUESTIONS)
    features = folder / "features"
    if make_features(["--dataset", str(dataset), "--vocab", str(vocabulary), "--out", str(features)]):
        raise SystemExit(1)
    samples = SquadSamples(features)
    samples.load(range(samples.performance_count))
    return samples


def _small(int8: Path | None) -> dict[str, Path]:
    return {
        "dense": MODELS["dense"],
        "80 % sparse int8": MODELS["pruned-quantised"],
        **({"NNCF int8": int8} if int8 else {}),
    }


def _large(folder: Path, layers: int) -> dict[str, Path]:
    shape = replace(tiny_bert.BERT_LARGE, layers=layers)
    sparse = replace(shape, dynamic_int8=True, sparsity=_SPARSITY)
    return {
        "dense": tiny_bert.write(folder / "large.onnx", shape),
        "95 % sparse int8": tiny_bert.write(folder / "large-int8.onnx", sparse),
    }


def _ways(models: Mapping[str, Path]) -> list[Way]:
    """Return every engine with every model; OpenVINO also with f32, where it chooses another arithmetic itself."""
    ways = []
    for label, model in models.items():
        for engine in _ENGINES:
            ways.append(Way(f"{engine}, {label}", engine, model, {}))
            if engine == "openvino" and label == "dense":
                ways.append(Way(f"{engine}, {label}, f32", engine, model, {"precision": "f32"}))
    return ways


class _Bench:
    """The comparison of one scenario."""

    def __init__(self, samples: SquadSamples, grid: Grid, scenario: str, count: int, work_dir: Path) -> None:
        self._samples, self._grid, self._scenario = samples, grid, scenario
        self._count, self._work_dir = count, work_dir

    def compare(self, ways: list[Way], rounds: int, facts: Mapping[str, object], path: Path | None) -> bool:
        """Measure the ways in turns; print their ratios, and return whether all reach their bare engines."""
        single = self._scenario == "SingleStream"
        comparison = WayComparison("p90 ms" if single else "samples/s")
        calls: dict[str, Callable[[], float]] = {}
        opened: list[Backend] = []
        goals, arithmetic = [], {}
        for way, backend, details in self._open(ways):
            opened.append(backend)
            arithmetic[way.name] = str(details.get("precision") or details.get("isa") or "")
            bare = f"bare {way.name}"
            calls[way.name], calls[bare] = self._measures(backend)
            name = f"{way.name} / bare"
            bound = 1 / _LEAST if single else _LEAST
            goals.append(Goal(name, way.name, (bare,), bound, at_most=single))
        if not calls:
            print("no engine runs here")
            return False
        comparison.run(calls, rounds)
        for backend in opened:
            backend.close()
        reached = report(comparison, tuple(goals), {**facts, "arithmetic": arithmetic}, path)
        _print_ratios(comparison, arithmetic, single=single)
        return reached

    def _open(self, ways: list[Way]) -> Iterator[tuple[Way, Backend, Mapping[str, Any]]]:
        """Open the engines that accept their model; print the reason of each other one."""
        usual: dict[Path, object] = {}
        for way in ways:
            try:
                backend = registry.make(way.engine)
                description = backend.open(
                    EngineSetup(way.model, self._work_dir, self._grid, options=dict(way.options))
                )
            except BackendError as error:
                print(f"left out: {way.name}: {error}")
                continue
            precision = description.details.get("precision")
            if way.options and usual.get(way.model) == precision:
                backend.close()
                continue  # the engine's own choice
            if way.engine == "openvino":
                usual.setdefault(way.model, precision)
            yield way, backend, description.details

    def _measures(self, backend: Backend) -> tuple[Callable[[], float], Callable[[], float]]:
        """Return a measurement through LoadGen and one of the bare engine, of the same samples in the same batches."""
        ours = ThroughLoadGen(self._scenario, backend, self._samples, self._grid, self._count)
        ours.run(remember=True)
        indices = ours.indices
        if self._scenario == "SingleStream":
            ready = [self._ready(backend, [index]) for index in indices]
            return lambda: float(ours.run().percentiles_ns["90.00"]) / 1e6, lambda: _tail_ms(ready)
        batches = split_query(range(len(indices)), indices, self._samples, self._grid)
        prepared = [backend.prepare(self._samples.batch(each.indices, each.length)) for each in batches]
        return (
            lambda: float(ours.run().values["result_samples_per_second"]),
            lambda: len(indices) / _all_s(prepared, self._grid.streams),
        )

    def _ready(self, backend: Backend, indices: list[int]) -> Prepared:
        rows = np.array(indices)
        assert self._samples.lengths is not None  # noqa: S101 - questions have lengths
        length = self._grid.lengths[int(buckets(self._samples.lengths[rows], self._grid)[0])]
        return backend.prepare(self._samples.batch(rows, length))


def _tail_ms(ready: list[Prepared]) -> float:
    """Return the 90th percentile of calls, one after the other."""
    times = []
    for call in ready:
        began_s = time.perf_counter()
        call()
        times.append(time.perf_counter() - began_s)
    return 1000 * sorted(times)[int(_TAIL * (len(times) - 1))]


def _all_s(prepared: list[Prepared], streams: int) -> float:
    """Return the time of all batches in several threads."""
    began_s = time.perf_counter()
    with ThreadPoolExecutor(streams) as pool:
        for _ in pool.map(lambda call: call(), prepared):
            pass
    return time.perf_counter() - began_s


def _print_ratios(comparison: WayComparison, arithmetic: Mapping[str, str], *, single: bool) -> None:
    """Print the speed of each way as a share of the fastest, in the same rounds."""
    ours = {name: figures for name, figures in comparison.figures.items() if name in arithmetic}
    medians = {name: statistics.median(figures) for name, figures in ours.items()}
    best = (min if single else max)(medians, key=lambda name: medians[name])
    print(f"\n{'speed, as a share of the fastest':44} median   lowest  highest")
    for name, figures in ours.items():
        pairs = zip(figures, ours[best], strict=True)
        shares = [theirs / own if single else own / theirs for own, theirs in pairs]
        print(f"{name:44} {statistics.median(shares):6.2f} {min(shares):8.2f} {max(shares):8.2f}  {arithmetic[name]}")


if __name__ == "__main__":
    sys.exit(main())
