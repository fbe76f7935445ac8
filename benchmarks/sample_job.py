"""What the benchmarks work on: the sample's model and questions, or others that are given."""

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
    """Model, samples, and a folder for derived files.

    Attributes:
        model_path: an ONNX file.
        samples: loaded.
        graphs: fixed-shape copies of the model.
        work_dir: where they are.
        count: how many samples each round infers.
        rounds: how many rounds count.
        json_path: where the figures go, or None.
    """

    model_path: Path
    samples: SquadSamples
    graphs: FixedShapeGraphs
    work_dir: Path
    count: int
    rounds: int
    json_path: Path | None

    def facts(self, load_before: float) -> dict[str, Any]:
        """What belongs beside the figures."""
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
    """Read the command line and open what it names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", type=Path, default=MODELS["pruned-quantised"], help="an ONNX BERT")
    parser.add_argument("--dataset", type=Path, help="a SQuAD v1.1 file; default: the sample, made now")
    parser.add_argument("--vocab", type=Path, help="the model's vocab.txt; default: the sample's")
    parser.add_argument("--count", type=int, default=count, help="samples in each round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    chosen = parser.parse_args(arguments)
    if (chosen.dataset is None) != (chosen.vocab is None):
        parser.error("give --dataset and --vocab together, or neither")
    work_dir = work_folder()
    if chosen.dataset is None:
        chosen.dataset, chosen.vocab = write_sample(work_dir)
    features = work_dir / "features"
    made = make_features(["--dataset", str(chosen.dataset), "--vocab", str(chosen.vocab), "--out", str(features)])
    if made:
        raise SystemExit(made)
    samples = SquadSamples(features)
    samples.load(range(samples.performance_count))
    return SampleJob(
        chosen.model,
        samples,
        FixedShapeGraphs(chosen.model, work_dir),
        work_dir,
        chosen.count,
        chosen.rounds,
        chosen.json,
    )


def no_collections() -> None:
    """Keep the collector out of timed sections, as the harness does."""
    gc.collect()
    gc.freeze()
    gc.disable()
