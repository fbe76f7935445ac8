"""Train the dense model, then prune and quantise it."""

from __future__ import annotations

import pickle  # only for the name of the error that torch.load raises
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from sample_training import recipe
from sample_training.curriculum import Curriculum, Stage
from sample_training.loop import train
from sample_training.model import Bert
from sample_training.onnx_graph import BertGraph, quantise_linear
from sample_training.pruning import Pruning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import onnx


class CheckpointError(Exception):
    """A checkpoint does not fit the model; the text is one line."""


@dataclass(frozen=True)
class BertOptions:
    """The options of the training.

    Attributes:
        seed: the seed of weights and training questions.
        threads: torch's threads.
        bfloat16: whether matrices are multiplied in bfloat16.
        deadline_s: the time of `time.monotonic()` at which the dense training ends early; None for never.
    """

    seed: int
    threads: int = 1
    bfloat16: bool = True
    deadline_s: float | None = None


@dataclass(frozen=True)
class Trained:
    """The result of the training.

    Attributes:
        dense: the dense model in float32.
        pruned_quantised: the pruned model in int8.
        shape: the models' size as JSON values.
        steps: the optimiser steps done by each training.
        sparsity: the share of zeros in the pruned model's linear layers.
        training_s: the duration.
    """

    dense: onnx.ModelProto
    pruned_quantised: onnx.ModelProto
    shape: dict[str, Any]
    steps: dict[str, int]
    sparsity: float
    training_s: float


def train_both(
    vocabulary: list[str], options: BertOptions, *, resume: Path | None = None, checkpoint: Path | None = None
) -> Trained:
    """Train the dense model or load its weights, then train the pruned and quantised model.

    Args:
        vocabulary: the entries in the order of their ids.
        options: seed, threads, precision and deadline.
        resume: a file of dense weights (a state_dict of `Bert`) that replaces the dense training.
        checkpoint: the file in which to store the dense weights.

    Raises:
        CheckpointError: `resume` is not a checkpoint of this model.
        OSError: a file cannot be read or written.
    """
    began_s = time.monotonic()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    shape = recipe.shape(len(vocabulary))
    model = Bert(shape)
    steps = {"dense": 0}
    if resume is not None:
        _restore(model, resume)
    else:
        steps["dense"] = _train(model, Curriculum(vocabulary, options.seed), recipe.DENSE_STAGES, options)
    if checkpoint is not None:
        torch.save(model.state_dict(), checkpoint)
    dense = BertGraph(shape, model.weights()).build()
    pruning = Pruning(model, recipe.PRUNING)
    # A separate seed, so that a resumed training gets the same questions.
    questions = Curriculum(vocabulary, options.seed + 1)
    # The plan counts steps, so pruning has no deadline.
    no_deadline = replace(options, deadline_s=None)
    steps["pruned-quantised"] = _train(model, questions, recipe.PRUNING_STAGES, no_deadline, pruning.before_step)
    return Trained(dense, export_quantised(model), asdict(shape), steps, sparsity(model), time.monotonic() - began_s)


def export_quantised(model: Bert) -> onnx.ModelProto:
    """Return a model with known ranges as an int8 graph."""
    weights, ranges = model.weights(), model.ranges()
    layers = {
        name: quantise_linear(weights[f"{name}.weight"], ranges[name].low, ranges[name].high)
        for name in model.shape.linears()
    }
    return BertGraph(model.shape, weights, layers).build()


def sparsity(model: Bert) -> float:
    """Return the share of zeros in the encoder's linear layers."""
    masks = [linear.mask for linear in model.linears().values()]
    kept = sum(float(mask.sum()) for mask in masks)
    total: int = sum(mask.numel() for mask in masks)
    return round(1.0 - kept / total, 4)


def _restore(model: Bert, checkpoint: Path) -> None:
    try:
        model.load_state_dict(torch.load(checkpoint, weights_only=True))
    except (RuntimeError, KeyError, EOFError, TypeError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{checkpoint}: is not a checkpoint of this model ({reason}); train without it"
        ) from error


def _train(
    model: Bert,
    questions: Curriculum,
    stages: Sequence[Stage],
    options: BertOptions,
    before_step: Callable[[int], None] = lambda _: None,
) -> int:
    """Train through the stages; `before_step` gets step numbers that continue from stage to stage."""
    done, planned = 0, 0
    for stage in stages:
        print(stage, flush=True)
        first = planned
        done += train(
            model,
            questions.batches(stage),
            stage,
            before_step=lambda step, first=first: before_step(first + step),  # type: ignore[misc]  # a bound default
            bfloat16=options.bfloat16,
            deadline_s=options.deadline_s,
        )
        planned += stage.steps
    return done
