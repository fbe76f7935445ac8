"""The size of a BERT encoder, and the names of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # Weights by name; a linear layer's weight is (inputs, outputs), the transpose of torch's.
    Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class BertShape:
    """How large a BERT is.

    Attributes:
        vocab_size: entries of the vocabulary.
        layers: encoder layers.
        hidden: width of the hidden states.
        heads: attention heads; `hidden` is a multiple of it.
        intermediate: width of the feed-forward layer.
        positions: longest sequence, in tokens.
    """

    vocab_size: int
    layers: int
    hidden: int
    heads: int
    intermediate: int
    positions: int = 384

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden // self.heads

    def linears(self) -> dict[str, tuple[int, int]]:
        """Give the encoder's linear layers by name: (inputs, outputs)."""
        square = (self.hidden, self.hidden)
        sizes: dict[str, tuple[int, int]] = {}
        for layer in range(self.layers):
            prefix = f"layer.{layer}"
            sizes |= {f"{prefix}.attention.{name}": square for name in ("query", "key", "value", "output")}
            sizes[f"{prefix}.intermediate"] = (self.hidden, self.intermediate)
            sizes[f"{prefix}.output"] = (self.intermediate, self.hidden)
        return sizes
