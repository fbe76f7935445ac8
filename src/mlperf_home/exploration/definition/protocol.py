"""What measuring a point by the rules takes: the whole dataset, and the official run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Protocol:
    """The dataset's size and the official run's least length.

    Attributes:
        samples: of the whole dataset.
        official_s: seconds of an official run at least.
        official_queries: samples of an official run at least.
    """

    samples: int = 50_000
    official_s: float = 600.0
    official_queries: int = 1024

    def official(self, sample_ms: float) -> float:
        """Give what an official run takes at least, in seconds."""
        return max(self.official_s, self.official_queries * sample_ms / 1000)

    def exhaustive(self, sample_ms: float) -> float:
        """Give what a point costs in an exhaustive sweep, in seconds."""
        return self.samples * sample_ms / 1000 + self.official(sample_ms)


IMAGENET = Protocol()
"""ImageNet's validation set, and SingleStream of round v3.1: 600 seconds and 1,024 queries at least."""


def sample_ms(values: Mapping[str, float]) -> float:
    """Give how long one sample takes by a point's metrics: its latency, or what is left of a second for each."""
    return values["latency_ms"] if "latency_ms" in values else 1000 / values["samples_per_second"]
