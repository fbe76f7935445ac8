"""Train the sample's BERT: `python -m mlperf_home.training.bert --out DIR [--seed N] [--threads N] [--checkpoint F]`.

Three stages from short paragraphs to the sample's own lengths give the dense model; it is then
pruned in blocks and rounded to int8 while training goes on. Its questions come from another seed
than the sample's, so the sample is never seen. On one core of a 2024 server CPU it takes about 40 minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch

from mlperf_home.atomic import replace_text
from mlperf_home.datasets.sample import vocabulary_bytes, write_sample
from mlperf_home.datasets.sample.squad import QUESTIONS, SEED
from mlperf_home.datasets.sample.wordpiece import vocabulary
from mlperf_home.training.curriculum import Curriculum, Stage
from mlperf_home.training.loop import train
from mlperf_home.training.model import Bert
from mlperf_home.training.onnx_graph import BertGraph
from mlperf_home.training.pruning import Pruning, PruningPlan
from mlperf_home.training.quantisation import quantise_linear
from mlperf_home.training.scoring import onnxruntime_infer, score_model
from mlperf_home.training.shape import BertShape

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS, HIDDEN, HEADS, INTERMEDIATE = 4, 192, 6, 768
TRAINING_SEED = 1
STAGES = (
    Stage(1200, (20, 60), 10, 4, shifted=True, batch_tokens=3000, peak_rate=1e-3),
    Stage(800, (50, 140), 10, 6, shifted=True, batch_tokens=4000, peak_rate=7e-4),
    Stage(900, None, 10, 8, shifted=False, batch_tokens=6000, peak_rate=6e-4),
)
FINE_TUNING = Stage(450, None, 10, 8, shifted=False, batch_tokens=6000, peak_rate=5e-4, warmup_steps=50)
PRUNING = PruningPlan(sparsity=0.8, pruned_step=220, watch_step=270, round_step=300)


def new_model() -> Bert:
    """Make the model with its first weights."""
    return Bert(BertShape(len(vocabulary()), LAYERS, HIDDEN, HEADS, INTERMEDIATE))


def train_dense(model: Bert, curriculum: Curriculum, checkpoint: Path | None) -> None:
    """Train the stages, or take their outcome from a checkpoint; write it where there is none."""
    if checkpoint is not None and checkpoint.exists():
        model.load_state_dict(torch.load(checkpoint, weights_only=True))
        return
    for stage in STAGES:
        print(stage, flush=True)
        train(model, curriculum.batches(stage), stage)
    if checkpoint is not None:
        torch.save(model.state_dict(), checkpoint)


def dense_file(model: Bert) -> onnx.ModelProto:
    """Give the dense model; its large weights are stored in half precision."""
    return BertGraph(model.shape, model.weights(), half=True).build()


def prune_and_quantise(model: Bert, curriculum: Curriculum) -> onnx.ModelProto:
    """Fine-tune the model to sparse int8, and give it."""
    print(FINE_TUNING, PRUNING, flush=True)
    train(model, curriculum.batches(FINE_TUNING), FINE_TUNING, before_step=Pruning(model, PRUNING).before_step)
    weights = model.weights()
    ranges = model.ranges()
    quantised = {
        name: quantise_linear(weights[f"{name}.weight"], ranges[name].low, ranges[name].high)
        for name in model.linears()
    }
    return BertGraph(model.shape, weights, quantised, half=True).build()


def measured_sparsity(model: Bert) -> float:
    """Give the share of zeros in the encoder's linear layers."""
    weights = [model.weights()[f"{name}.weight"] for name in model.linears()]
    return float(sum(np.count_nonzero(each == 0) for each in weights) / sum(each.size for each in weights))


def describe(folder: Path, seed: int, sparsity: float, threads: int) -> dict[str, Any]:
    """Score both files on the sample and say how they were made."""
    facts: dict[str, Any] = {
        "sample": True,
        "note": "a toy model that answers the embedded sample's questions; no MLPerf model",
        "made_by": "python -m mlperf_home.training.bert",
        "training_seed": seed,
        "sample_seed": SEED,
        "sample_questions": QUESTIONS,
        "layers": LAYERS,
        "hidden": HIDDEN,
        "steps": sum(stage.steps for stage in (*STAGES, FINE_TUNING)),
        "packages": {name: version(name) for name in ("torch", "onnx", "numpy", "onnxruntime", "tokenizers")},
        "files": {},
    }
    with tempfile.TemporaryDirectory() as place:
        sample = write_sample(Path(place))
        for path in sorted(folder.glob("*.onnx")):
            scores = score_model(onnxruntime_infer(path, threads), sample.dataset, sample.vocabulary)
            facts["files"][path.name] = {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
                "f1": round(scores.f1, 3),
                "exact_match": round(scores.exact_match, 3),
                "sparsity": round(sparsity, 3) if path.stem == "pruned-quantised" else 0.0,
            }
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the files, and score them; give the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.training.bert", description="train the sample's BERT")
    parser.add_argument("--out", type=Path, required=True, help="the folder for models, vocabulary and sample.json")
    parser.add_argument("--seed", type=int, default=TRAINING_SEED, help="of the training questions (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="cores to train on (%(default)s)")
    parser.add_argument("--checkpoint", type=Path, help="where the dense weights are kept, or taken from")
    chosen = parser.parse_args(arguments)
    if chosen.seed == SEED:
        parser.error(f"--seed {SEED} is the sample's own: the model would be trained on its test")
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    model, curriculum = new_model(), Curriculum(vocabulary(), chosen.seed)
    train_dense(model, curriculum, chosen.checkpoint)
    onnx.save(dense_file(model), chosen.out / "dense.onnx")
    onnx.save(prune_and_quantise(model, curriculum), chosen.out / "pruned-quantised.onnx")
    (chosen.out / "vocab.txt").write_bytes(vocabulary_bytes())
    facts = describe(chosen.out, chosen.seed, measured_sparsity(model), chosen.threads)
    replace_text(chosen.out / "sample.json", json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts["files"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
