"""The training loop of BERT."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sample_training.curriculum import Stage
    from sample_training.model import Bert

WEIGHT_DECAY = 0.01
LARGEST_GRADIENT = 1.0
FINAL_RATE_SHARE = 0.05
REPORT_STEPS = 200


def rate(stage: Stage, step: int) -> float:
    """Return the learning rate of a step, which rises and then falls linearly."""
    if step < stage.warmup_steps:
        return stage.peak_rate * (step + 1) / stage.warmup_steps
    left = (stage.steps - step) / max(1, stage.steps - stage.warmup_steps)
    return stage.peak_rate * max(FINAL_RATE_SHARE, left)


def train(
    model: Bert,
    batches: Iterator[dict[str, torch.Tensor]],
    stage: Stage,
    *,
    before_step: Callable[[int], None] = lambda _: None,
    bfloat16: bool = True,
    deadline_s: float | None = None,
) -> int:
    """Train for one stage and print loss and the share of exact spans.

    Args:
        model: the model, trained in place.
        batches: the batches of `Curriculum.batches`.
        stage: the steps and the learning rate.
        before_step: called with each step's number, to prune and round.
        bfloat16: multiply matrices in bfloat16, twice as fast on processors with support.
        deadline_s: the time of `time.monotonic()` at which to stop; None to do all steps.

    Returns:
        The number of steps done.
    """
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98))
    began_s, losses, exact_count, count = time.monotonic(), 0.0, 0, 0
    model.train()
    for step in range(stage.steps):
        if deadline_s is not None and time.monotonic() >= deadline_s:
            return step
        before_step(step)
        for group in optimiser.param_groups:
            group["lr"] = rate(stage, step)
        batch = next(batches)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(batch)
        # Padding is never an answer, so the model need not learn to exclude it.
        logits = logits.masked_fill(batch["mask"][..., None] == 0, -1e4)
        starts, ends = logits[..., 0], logits[..., 1]
        loss = functional.cross_entropy(starts, batch["starts"]) + functional.cross_entropy(ends, batch["ends"])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        losses += loss.item()
        exact_count += int(((starts.argmax(1) == batch["starts"]) & (ends.argmax(1) == batch["ends"])).sum())
        count += len(batch["starts"])
        if (step + 1) % REPORT_STEPS == 0:
            spent_s = time.monotonic() - began_s
            loss, exact = losses / REPORT_STEPS, exact_count / count
            print(f"step {step + 1}/{stage.steps}  loss {loss:.3f}  exact {exact:.3f}  {spent_s:.0f} s", flush=True)
            losses, exact_count, count = 0.0, 0, 0
    return stage.steps
