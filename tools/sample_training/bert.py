"""Train the sample's BERT models: `python -m sample_training.bert --out DIR`.

Needs requirements.txt beside this file. Writes dense.onnx, pruned-quantised.onnx, vocab.txt and sample.json only after
every step has succeeded.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.samples.questions import squad, vocabulary_bytes, write_sample
from mlperf_home.samples.questions.world import vocabulary
from sample_training import publication
from sample_training.publication import fail, missing_packages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sample_training.runs import Trained

PACKAGES = ("numpy", "onnx", "onnxruntime", "tokenizers", "torch")
# Not the sample's seed: models must not be trained on the questions that score them.
SEED = 7


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export, score and publish the models; return the exit code."""
    options = _parse(arguments)
    missing = missing_packages(PACKAGES)
    if missing:
        problem = f"this Python lacks {', '.join(missing)}"
        return fail(f"{problem}; install tools/sample_training/requirements.txt")
    if options.seed == squad.SEED:
        return fail(f"--seed {options.seed}: is the seed of the scored questions; pass another")
    if options.resume is not None and not options.resume.is_file():
        return fail(f"--resume {options.resume}: does not exist; pass a file written by --checkpoint")
    from sample_training.runs import BertOptions, CheckpointError, train_both  # noqa: PLC0415 - only training needs torch

    deadline_s = None if options.minutes is None else time.monotonic() + 60.0 * options.minutes
    training = BertOptions(options.seed, options.threads, options.precision == "bfloat16", deadline_s)
    try:
        trained = train_both(vocabulary(), training, resume=options.resume, checkpoint=options.checkpoint)
        options.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.out) as name:
            folder = Path(name)
            (folder / "vocab.txt").write_bytes(vocabulary_bytes())
            publication.save(trained.dense, folder / "dense.onnx")
            publication.save(trained.pruned_quantised, folder / "pruned-quantised.onnx")
            scores = _scores(folder, options.threads)
            facts = {**_facts(options, trained), "scores": scores}
            publication.publish(folder, options.out, facts)
    except CheckpointError as error:
        return fail(f"--resume {error}")
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}; choose another folder")
    print(json.dumps(scores))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sample_training.bert", description="Train the sample's BERT models.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of weights and training questions (%(default)s)")
    parser.add_argument("--minutes", type=float, help="end the dense training early, which is not repeatable")
    parser.add_argument("--resume", type=Path, help="a dense checkpoint (.pt) from which to continue with pruning")
    parser.add_argument("--checkpoint", type=Path, help="the file for the dense weights (.pt)")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads (%(default)s)")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16", help="of matrix products")
    return parser.parse_args(arguments)


def _scores(folder: Path, threads: int) -> dict[str, dict[str, float]]:
    from sample_training.scoring import onnxruntime_infer, score_model  # noqa: PLC0415 - after the check for missing packages

    files = write_sample(folder / "questions")
    scores = {}
    for name in publication.MODEL_FILES:
        result = score_model(onnxruntime_infer(folder / name, threads), files.dataset, files.vocabulary)
        scores[name] = {"exact_match": round(result.exact_match, 3), "f1": round(result.f1, 3)}
    return scores


def _facts(options: argparse.Namespace, trained: Trained) -> dict[str, Any]:
    command = f"python -m sample_training.bert --out DIR --seed {options.seed} --threads {options.threads}"
    command += f" --precision {options.precision}"
    command += "" if options.minutes is None else f" --minutes {options.minutes:g}"
    command += "" if options.resume is None else " --resume CHECKPOINT"
    return {
        "command": command,
        "seed": options.seed,
        "resumed_sha256": None if options.resume is None else publication.sha256(options.resume),
        "python": platform.python_version(),
        "packages": {package: importlib.metadata.version(package) for package in PACKAGES},
        "shape": trained.shape,
        "steps": trained.steps,
        "training_s": round(trained.training_s),
        "sparsity": trained.sparsity,
        "questions": {"seed": squad.SEED, "count": squad.QUESTIONS, "sha256": squad.DATASET_SHA256},
    }


if __name__ == "__main__":
    sys.exit(main())
