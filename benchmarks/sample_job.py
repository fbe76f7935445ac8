"""The common part of the BERT benchmarks: the model and the questions, the sample's by default."""

from __future__ import annotations

import argparse
import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from work_folder import work_folder

from mlperf_home.datasets.squad.__main__ import main as make_features
from mlperf_home.datasets.squad.samples import SquadSamples
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs
from mlperf_home.samples.bert import MODELS
from mlperf_home.samples.questions import write_sample

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class SampleJob:
    """The model, the samples and the options of a benchmark.

    Attributes:
        model_path: the ONNX file.
        samples: the loaded samples.
        graphs: fixed-shape copies of the model.
        work_dir: the folder for derived files.
        count: the number of samples in each round.
        rounds: the number of rounds that count.
        json_path: the file for the figures, or None.
    """

    model_path: Path
    samples: SquadSamples
    graphs: FixedShapeGraphs
    work_dir: Path
    count: int
    rounds: int
    json_path: Path | None

    def facts(self, load_before: float) -> dict[str, Any]:
        """Return the facts to record with the figures."""
        lengths = np.asarray(self.samples.lengths)
        return {
            "model": self.model_path.name,
            "model_sha256": self.graphs.sha256,
            "dataset": self.samples.name,
            "sample_note": self.samples.sample_note,
            "mean_length_tokens": round(float(lengths.mean()), 1),
            "percentiles_tokens": {str(p): int(np.percentile(lengths, p)) for p in (5, 25, 50, 75, 90, 95, 99)},
            "samples_per_round": self.count,
            "cores": len(os.sched_getaffinity(0)),
            "load_before": load_before,
        }


def open_job(description: str, count: int, arguments: Sequence[str] | None = None) -> SampleJob:
    """Parse the command line and open the model and the dataset."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", type=Path, default=MODELS["pruned-quantised"], help="an ONNX BERT")
    parser.add_argument("--dataset", type=Path, help="a SQuAD v1.1 file; default: the sample")
    parser.add_argument("--vocab", type=Path, help="the model's vocab.txt; default: the sample's")
    parser.add_argument("--count", type=int, default=count, help="samples in each round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    if (options.dataset is None) != (options.vocab is None):
        parser.error("--dataset and --vocab belong together; pass both or neither")
    work_dir = work_folder()
    if options.dataset is None:
        options.dataset, options.vocab = write_sample(work_dir)
    features = work_dir / "features"
    exit_code = make_features(
        ["--dataset", str(options.dataset), "--vocab", str(options.vocab), "--out", str(features)]
    )
    if exit_code:
        raise SystemExit(exit_code)
    samples = SquadSamples(features)
    samples.load(range(samples.performance_count))
    return SampleJob(
        options.model,
        samples,
        FixedShapeGraphs(options.model, work_dir),
        work_dir,
        options.count,
        options.rounds,
        options.json,
    )


def no_collections() -> None:
    """Disable garbage collection in timed sections, like the harness."""
    gc.collect()
    gc.freeze()
    gc.disable()
