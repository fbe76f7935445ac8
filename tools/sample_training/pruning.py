"""Gradual magnitude pruning in blocks of four inputs, followed by int8 rounding.

DeepSparse multiplies int8 weights four inputs at a time, so it skips zeros only in complete blocks. The share of zeros
follows a cubic curve, first fast, then slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from sample_training.model import Bert

BLOCK_INPUTS = 4
# The number of steps between updates of the masks.
MASK_STEPS = 20


@dataclass(frozen=True)
class PruningPlan:
    """The schedule of pruning, in optimiser steps.

    Attributes:
        sparsity: the final share of zeros in each of the encoder's linear layers.
        pruned_step: the step at which that share is reached.
        watch_step: the first step that records the activations' ranges.
        round_step: the first step that rounds weights and activations as in the int8 file.
    """

    sparsity: float
    pruned_step: int
    watch_step: int
    round_step: int

    def sparsity_at(self, step: int) -> float:
        """Return the share of zeros at a step."""
        left = max(0.0, 1.0 - step / self.pruned_step)
        return self.sparsity * (1.0 - left**3)


class Pruning:
    """The pruning of a model by a plan; pass `before_step` to the training loop."""

    def __init__(self, model: Bert, plan: PruningPlan) -> None:
        self._model = model
        self._plan = plan

    def before_step(self, step: int) -> None:
        """Apply the plan for this step."""
        plan = self._plan
        if step <= plan.pruned_step and (step % MASK_STEPS == 0 or step == plan.pruned_step):
            for linear in self._model.linears().values():
                linear.mask.copy_(block_mask(linear.weight.detach(), plan.sparsity_at(step)))
        if step == plan.watch_step:
            self._set_mode("watch")
        if step == plan.round_step:
            self._set_mode("round")
            for linear in self._model.linears().values():
                linear.rounded = True

    def _set_mode(self, mode: str) -> None:
        for watched in self._model.ranges().values():
            watched.mode = mode


def block_mask(weight: torch.Tensor, sparsity: float) -> torch.Tensor:
    """Return zeros for the weakest blocks of a weight (outputs, inputs), ones for the rest."""
    outputs, inputs = weight.shape
    strength = weight.abs().reshape(outputs, inputs // BLOCK_INPUTS, BLOCK_INPUTS).mean(dim=2)
    pruned = round(sparsity * strength.numel())
    mask = torch.ones(strength.numel())
    mask[strength.flatten().argsort()[:pruned]] = 0.0
    return mask.reshape_as(strength).repeat_interleave(BLOCK_INPUTS, dim=1)
