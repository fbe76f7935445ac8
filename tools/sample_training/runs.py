"""The two trainings: dense, then pruned and quantised from there."""

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
    """A checkpoint cannot be resumed; the text is one line."""


@dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        seed: of weights and training questions.
        threads: of torch.
        bfloat16: whether matrices are multiplied in bfloat16.
        deadline_s: when, by `time.monotonic()`, the dense training ends early; None for never.
    """

    seed: int
    threads: int = 1
    bfloat16: bool = True
    deadline_s: float | None = None


@dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes:
        dense: the dense model, float32.
        pruned_quantised: the same, pruned and in int8.
        shape: the models' size, JSON values.
        steps: optimiser steps done, by training.
        sparsity: share of zeros in the pruned model's linear layers.
        training_s: how long it took.
    """

    dense: onnx.ModelProto
    pruned_quantised: onnx.ModelProto
    shape: dict[str, Any]
    steps: dict[str, int]
    sparsity: float
    training_s: float


def train_both(
    vocabulary: list[str], options: Options, *, resume: Path | None = None, checkpoint: Path | None = None
) -> Trained:
    """Train the dense model (or resume from its weights), then the pruned and quantised one.

    Args:
        vocabulary: entries in the order of their numbers.
        options: seed, threads, precision, deadline.
        resume: a file with the dense weights (a state_dict of `Bert`): the dense training is left out.
        checkpoint: where to keep the dense weights.

    Raises:
        CheckpointError: `resume` is no checkpoint of this model.
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
    # A seed of its own, so that resuming sees the same questions as going on.
    questions = Curriculum(vocabulary, options.seed + 1)
    # The plan counts steps, so this part is never cut short.
    unhurried = replace(options, deadline_s=None)
    steps["pruned-quantised"] = _train(model, questions, recipe.PRUNING_STAGES, unhurried, pruning.before_step)
    return Trained(dense, export_quantised(model), asdict(shape), steps, sparsity(model), time.monotonic() - began_s)


def export_quantised(model: Bert) -> onnx.ModelProto:
    """Write a model whose ranges are known as the int8 graph."""
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
        raise CheckpointError(f"{checkpoint}: is not of this model ({reason}); train without it") from error


def _train(
    model: Bert,
    questions: Curriculum,
    stages: Sequence[Stage],
    options: Options,
    before_step: Callable[[int], None] = lambda _: None,
) -> int:
    """Train through stages; `before_step` gets numbers that go on from one stage to the next."""
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
