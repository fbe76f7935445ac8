"""The kept latencies of a run as a series of blocks of time, decoded and checked."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.latencies import COUNTED, read_latencies
from mlperf_home.latencies.buckets import BUCKETS, bounds_of
from scriptgraph.errors import DocumentError
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.runs.latencies import KeptLatencies, Kind, LatencyBlock

_SLACK_BLOCKS = 1e-6  # of a duration that is a whole number of blocks, but for rounding


@dataclass(frozen=True)
class Block:
    """A block of time: the latencies or completions that ended in it, their sum, and their numbers by bucket."""

    count: int
    sum_ns: int
    histogram: Mapping[int, int]


@dataclass(frozen=True)
class Histogram:
    """Latencies without their order, by bucket."""

    counts: Mapping[int, int]

    @cached_property
    def _steps(self) -> list[tuple[int, int]]:
        """Each bucket with the number of latencies up to its end."""
        buckets = sorted(self.counts)
        return list(zip(buckets, accumulate(self.counts[each] for each in buckets), strict=True))

    def quantile_ns(self, share: float) -> float:
        """Return the latency that a share of all do not exceed, between the bounds of its bucket."""
        below, (_, total) = 0, self._steps[-1]
        rank = min(max(share, 0.0), 1.0) * total
        for bucket, up_to in self._steps:
            if up_to >= rank:
                least, end = bounds_of(bucket)
                return least + (end - least) * max(0.0, rank - below) / (up_to - below)
            below = up_to
        return float(bounds_of(self._steps[-1][0])[1])

    def share_up_to(self, bucket: int) -> float:
        """Return the share of latencies in the buckets up to one."""
        return sum(count for each, count in self.counts.items() if each <= bucket) / self._steps[-1][1]


@dataclass(frozen=True)
class LatencySeries:
    """The blocks of a run in order.

    Attributes:
        kind: the kind of times; completions have no latencies.
        block_s: the length of each block but the last, which ends at `duration_s`.
    """

    kind: Kind
    block_s: float
    duration_s: float
    blocks: tuple[Block, ...]

    @property
    def completions(self) -> bool:
        """Whether completions are only counted."""
        return self.kind in COUNTED

    @property
    def count(self) -> int:
        """The number of latencies or completions."""
        return sum(each.count for each in self.blocks)

    @property
    def mean_ns(self) -> float:
        """The mean latency."""
        return sum(each.sum_ns for each in self.blocks) / self.count

    @cached_property
    def histogram(self) -> Histogram:
        """All latencies."""
        counts = Counter[int]()
        for each in self.blocks:
            counts.update(each.histogram)
        return Histogram(counts)

    def lengths_s(self) -> list[float]:
        """Return the length of each block."""
        last = self.duration_s - self.block_s * (len(self.blocks) - 1)
        return [self.block_s] * (len(self.blocks) - 1) + [last]

    def merged(self, number: int) -> LatencySeries:
        """Return a series of at most `number` blocks, each of as many neighbours."""
        each = -(-len(self.blocks) // number)
        return LatencySeries(self.kind, self.block_s * each, self.duration_s, tuple(merge(self.blocks, each)))


def merge(blocks: Sequence[Block], each: int) -> list[Block]:
    """Merge each so many neighbours; the last may be fewer."""
    merged = []
    for start in range(0, len(blocks), each):
        parts, counts = blocks[start : start + each], Counter[int]()
        for part in parts:
            counts.update(part.histogram)
        merged.append(Block(sum(part.count for part in parts), sum(part.sum_ns for part in parts), counts))
    return merged


def read_series(path: Path) -> LatencySeries:
    """Read the latencies of a run.

    Raises:
        DocumentError: the file cannot be read, is no such document, or contradicts itself.
    """
    return series_of(read_latencies(path), path)


def series_of(kept: KeptLatencies, where: object) -> LatencySeries:
    """Decode kept latencies; raise DocumentError, which names `where`, if they contradict themselves."""
    needed = max(1, math.ceil(kept.duration_s / kept.block_s - _SLACK_BLOCKS))
    if len(kept.blocks) != needed:
        problem = f"has {len(kept.blocks)} blocks of {kept.block_s:g} s, but lasted {kept.duration_s:g} s"
        raise DocumentError(where, "/blocks", problem)
    if not kept.count:
        raise DocumentError(where, "/blocks", "hold no latency")
    blocks = []
    for number, block in enumerate(kept.blocks):
        problem = _fault_of(block, histogram := _decoded(block.histogram), completions=kept.kind in COUNTED)
        if problem:
            raise DocumentError(where, f"/blocks/{number}", problem)
        blocks.append(Block(block.count, block.sum_ns, histogram or {}))
    return LatencySeries(kept.kind, kept.block_s, kept.duration_s, tuple(blocks))


def _decoded(text: str) -> dict[int, int] | None:
    """Return the numbers by bucket; None for a text that is no histogram."""
    numbers = [whole_number(word) for word in text.split(" ")] if text else []
    if len(numbers) % 2 or not all(numbers):
        return None
    gaps, counts = numbers[::2], numbers[1::2]
    buckets = accumulate((gap or 0 for gap in gaps), initial=-1)
    next(buckets)
    return {bucket: count or 0 for bucket, count in zip(buckets, counts, strict=True)}


def _fault_of(block: LatencyBlock, histogram: Mapping[int, int] | None, *, completions: bool) -> str:
    if histogram is None:
        return "its histogram is not pairs of whole numbers from 1 on"
    if completions:
        return "counts completions, and has a histogram or a sum" if histogram or block.sum_ns else ""
    if max(histogram, default=0) >= BUCKETS:
        return f"its histogram has a bucket beyond the last, {BUCKETS - 1}"
    if sum(histogram.values()) != block.count:
        return f"its histogram has {sum(histogram.values())} latencies, not {block.count}"
    bounds = [(bounds_of(bucket), count) for bucket, count in histogram.items()]
    low, high = (sum(bound[end] * count for bound, count in bounds) for end in (0, 1))
    if not low <= block.sum_ns <= high:
        return f"its sum is {block.sum_ns} ns, but its histogram gives {low} to {high}"
    return ""
