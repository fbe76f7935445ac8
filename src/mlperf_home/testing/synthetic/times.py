"""The times of a made-up SingleStream run: LoadGen's percentiles, and the times that the harness keeps."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.runs.latencies import KeptLatencies, LatencyBlock
from mlperf_home.harness.queries.kept import histogram_text
from mlperf_home.latencies.buckets import BUCKETS, bucket_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# Shares of all queries, and their latencies as shares of the early-stopping estimate of the 90th percentile.
_SHAPE = (
    *((0.10, 0.91), (0.40, 0.94), (0.35, 0.97), (0.05, 0.99), (0.05, 1.0)),
    *((0.02, 1.03), (0.02, 1.06), (0.009, 1.15), (0.001, 1.4)),
)
_PERCENTILES = (0.5, 0.9, 0.95, 0.97, 0.99, 0.999)
_FEWEST_QUERIES = 2000
_RUN_S = 600.0
_BLOCKS = 128
# LoadGen's own time between two queries, as a share and in nanoseconds.
_OVERHEAD, _OVERHEAD_NS = 0.003, 2_000


@dataclass(frozen=True)
class SyntheticTimes:
    """The latencies of a run, of which the 90th percentile is estimated as `p90_ns`."""

    p90_ns: int
    seed: int

    @cached_property
    def queries(self) -> int:
        """The number of queries: ten minutes of them."""
        mean_ns = self.p90_ns * sum(share * factor for share, factor in _SHAPE)
        return max(_FEWEST_QUERIES, int(_RUN_S * 1e9 / mean_ns) + 1)

    @cached_property
    def _counts(self) -> list[tuple[int, int]]:
        """Each latency in nanoseconds with its number, in order."""
        ends = [round(up_to * self.queries) for up_to in accumulate(share for share, _ in _SHAPE)]
        counts = [end - begin for begin, end in pairwise((0, *ends))]
        return [(int(self.p90_ns * factor), count) for (_, factor), count in zip(_SHAPE, counts, strict=True)]

    @property
    def _sum_ns(self) -> int:
        return sum(latency * count for latency, count in self._counts)

    def _percentile(self, share: float) -> int:
        rank, below = int(share * self.queries), 0
        for latency, count in self._counts:
            below += count
            if rank < below:
                return latency
        return self._counts[-1][0]

    @cached_property
    def kept(self) -> KeptLatencies:
        """What the harness keeps: the periods from each completion to the next, by block of time."""
        draw = random.Random(self.seed)  # noqa: S311 - no secret
        blocks: list[Counter[int]] = [Counter() for _ in range(_BLOCKS)]
        for number, (latency, count) in enumerate(self._counts):
            period = int(latency * (1 + _OVERHEAD)) + _OVERHEAD_NS
            # The first query has no period.
            for block, part in zip(blocks, _parts(count - (number == 1), draw), strict=True):
                block[period] += part
        duration_s = sum(period * count for block in blocks for period, count in block.items()) / 1e9
        return KeptLatencies(
            kind="periods",
            block_s=duration_s / _BLOCKS,
            duration_s=duration_s,
            blocks=tuple(map(_block, blocks)),
        )

    def logged(self) -> dict[str, object]:
        """Return the results that LoadGen logs, by key."""
        slowest, duration_s = self._counts[-1][0], self.kept.duration_s
        percentiles = {
            f"result_{100 * share:.2f}_percentile_latency_ns": self._percentile(share) for share in _PERCENTILES
        }
        return {
            "result_validity": "VALID",
            "result_min_duration_met": True,
            "result_min_queries_met": True,
            "early_stopping_met": True,
            "result_query_count": self.queries,
            "result_qps_with_loadgen_overhead": self.queries / duration_s,
            "result_qps_without_loadgen_overhead": 1e9 * self.queries / self._sum_ns,
            "early_stopping_latency_ss": self.p90_ns,
            "early_stopping_latency_ms": self._percentile(0.99),
            "result_min_latency_ns": self._counts[0][0],
            "result_max_latency_ns": slowest,
            "result_mean_latency_ns": self._sum_ns // self.queries,
            **percentiles,
            "num_errors": 0,
        }


def _parts(count: int, draw: random.Random) -> list[int]:
    """Return a number as the sum of one for each block, with some chance."""
    ends = list(accumulate(draw.uniform(0.9, 1.1) for _ in range(_BLOCKS)))
    places = [int(count * end / ends[-1]) for end in ends]
    return [end - begin for begin, end in pairwise((0, *places[:-1], count))]


def _block(periods: Counter[int]) -> LatencyBlock:
    row = np.zeros(BUCKETS, dtype=np.int64)
    for period, count in periods.items():
        row[bucket_of(period)] += count
    total = sum(period * count for period, count in periods.items())
    return LatencyBlock(count=periods.total(), sum_ns=total, histogram=histogram_text(row))


def answers(images: int, top1_percent: float, seed: int) -> Sequence[tuple[int, int]]:
    """Return an image and the answered class for each query of an accuracy run; the image's class is its number."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    order = list(range(images))
    draw.shuffle(order)
    right = frozenset(order[: round(images * top1_percent / 100)])
    draw.shuffle(order)
    return [(image, (image + (image not in right)) % 1000) for image in order]
