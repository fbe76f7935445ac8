"""The trainable BERT in torch, the counterpart of `onnx_graph`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sample_training.onnx_graph import ACTIVATION_LEVELS, LAYER_NORM_EPSILON, MASK_PENALTY, WEIGHT_LEVELS, input_step

if TYPE_CHECKING:
    from sample_training.onnx_graph import BertShape, Weights

INITIAL_DEVIATION = 0.05
# mypy runs without torch's types, and strict mode forbids subclasses of an untyped class.
Module: Any = nn.Module


class InputRange(Module):  # type: ignore[misc]  # torch is untyped here
    """The range of a linear layer's input, and its optional rounding to uint8.

    Attributes:
        mode: "off", "watch" (widen the range to the inputs) or "round".
    """

    def __init__(self) -> None:
        super().__init__()
        self.mode = "off"
        self.low = 0.0
        self.high = 0.0

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return `hidden`, rounded if the mode is "round"."""
        if self.mode == "watch":
            seen = hidden.detach()
            self.low = min(self.low, float(seen.min()))
            self.high = max(self.high, float(seen.max()))
        if self.mode != "round":
            return hidden
        scale, zero_point = input_step(self.low, self.high)
        return torch.fake_quantize_per_tensor_affine(hidden.float(), scale, zero_point, 0, ACTIVATION_LEVELS)


class Linear(Module):  # type: ignore[misc]  # torch is untyped here
    """A linear layer whose weight can be masked (pruned) and rounded to int8.

    Attributes:
        mask: 0 for pruned weights, 1 for others.
        rounded: whether the weight is rounded as in the int8 file.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * INITIAL_DEVIATION)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("mask", torch.ones(outputs, inputs), persistent=False)
        self.rounded = False

    def effective_weight(self) -> torch.Tensor:
        """Return the masked and rounded weight, (outputs, inputs)."""
        weight = self.weight * self.mask
        if not self.rounded:
            return weight
        scale = float(weight.detach().abs().max()) / WEIGHT_LEVELS
        return torch.fake_quantize_per_tensor_affine(weight, scale, 0, -WEIGHT_LEVELS, WEIGHT_LEVELS)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Map (..., inputs) to (..., outputs)."""
        return functional.linear(hidden, self.effective_weight(), self.bias)


class EncoderLayer(Module):  # type: ignore[misc]  # torch is untyped here
    """An encoder layer with a normalisation after attention and feed-forward."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        hidden, self.heads = shape.hidden, shape.heads
        square = {name: Linear(hidden, hidden) for name in ("query", "key", "value", "output")}
        norm = nn.LayerNorm(hidden, eps=LAYER_NORM_EPSILON)
        self.attention = nn.ModuleDict({**square, "norm": norm})
        self.intermediate = Linear(hidden, shape.intermediate)
        self.output = Linear(shape.intermediate, hidden)
        self.norm = nn.LayerNorm(hidden, eps=LAYER_NORM_EPSILON)
        # Named by the linear layers that read them; query, key and value share one.
        self.ranges = nn.ModuleDict({name: InputRange() for name in ("qkv", "context", "intermediate", "output")})

    def forward(self, hidden: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
        """Map (batch, length, hidden) to the same shape."""
        batch, length, width = hidden.shape
        source = self.ranges["qkv"](hidden)
        query, key, value = (
            self.attention[name](source).view(batch, length, self.heads, -1).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=penalty.to(query.dtype))
        context = self.ranges["context"](mixed.transpose(1, 2).reshape(batch, length, width))
        hidden = self.attention["norm"](self.attention["output"](context) + hidden)
        inner = functional.gelu(self.intermediate(self.ranges["intermediate"](hidden)))
        return self.norm(self.output(self.ranges["output"](inner)) + hidden)


class Bert(Module):  # type: ignore[misc]  # torch is untyped here
    """BERT with a question-answering head."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.ModuleDict(
            {
                "word": nn.Embedding(shape.vocab_size, shape.hidden),
                "position": nn.Embedding(shape.positions, shape.hidden),
                "token_type": nn.Embedding(2, shape.hidden),
                "norm": nn.LayerNorm(shape.hidden, eps=LAYER_NORM_EPSILON),
            }
        )
        for part in ("word", "token_type"):
            nn.init.normal_(self.embeddings[part].weight, std=INITIAL_DEVIATION)
        # Initialise with waves: neighbours are similar at every position, so learning transfers between positions.
        with torch.no_grad():
            self.embeddings["position"].weight.copy_(waves(shape.positions, shape.hidden) * INITIAL_DEVIATION)
        self.layer = nn.ModuleList([EncoderLayer(shape) for _ in range(shape.layers)])
        self.answer = nn.Linear(shape.hidden, 2)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Map (batch, length) ids, mask, types and places to (batch, length, 2) logits in float32."""
        parts = self.embeddings
        hidden = parts["word"](batch["ids"]) + parts["token_type"](batch["types"]) + parts["position"](batch["places"])
        hidden = parts["norm"](hidden)
        penalty = (1.0 - batch["mask"].float())[:, None, None, :] * MASK_PENALTY
        for layer in self.layer:
            hidden = layer(hidden, penalty)
        return self.answer(hidden).float()

    def linears(self) -> dict[str, Linear]:
        """Return the encoder's linear layers by the names of `BertShape.linears`."""
        return {name: self.get_submodule(name) for name in self.shape.linears()}

    def ranges(self) -> dict[str, InputRange]:
        """Return the range of each linear layer's input by the layer's name."""
        ranges: dict[str, InputRange] = {}
        for number, layer in enumerate(self.layer):
            prefix = f"layer.{number}"
            ranges |= {f"{prefix}.attention.{name}": layer.ranges["qkv"] for name in ("query", "key", "value")}
            ranges[f"{prefix}.attention.output"] = layer.ranges["context"]
            ranges[f"{prefix}.intermediate"] = layer.ranges["intermediate"]
            ranges[f"{prefix}.output"] = layer.ranges["output"]
        return ranges

    def weights(self) -> Weights:
        """Return the weights as arrays with the names and axes of `onnx_graph`; pruned ones are zero."""
        weights: Weights = {}
        for name, parameter in self.named_parameters():
            array = parameter.detach().float().numpy()
            if name.startswith("embeddings.") and "norm" not in name:
                weights[name.removesuffix(".weight")] = array
            else:
                weights[name] = np.ascontiguousarray(array.T)
        for name, linear in self.linears().items():
            kept = (linear.weight * linear.mask).detach().numpy()
            weights[f"{name}.weight"] = np.ascontiguousarray(kept.T)
        return weights


def waves(positions: int, hidden: int) -> torch.Tensor:
    """Return sines and cosines of increasing wavelengths, (positions, hidden)."""
    places = torch.arange(positions).float()[:, None]
    rates = torch.exp(torch.arange(0, hidden, 2).float() * (-math.log(10_000.0) / hidden))
    return torch.stack([torch.sin(places * rates), torch.cos(places * rates)], dim=2).reshape(positions, hidden)
