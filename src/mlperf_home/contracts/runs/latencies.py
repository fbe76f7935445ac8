"""`latencies.json`: the harness's own times of a run, in order, as a histogram for each block of time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document
from mlperf_home.contracts.layouts import read_layout
from scriptgraph.files.json_reader import Limits

LATENCIES_FILE = "latencies.json"
LATENCY_LIMITS = Limits(size=8 << 20, depth=3, values=20_000)
"""A run has at most some 1,300 blocks of four values; most have less than a kilobyte."""

MOST_BLOCKS = 1280

Kind = Literal["latencies", "periods", "completions", "sorted completions"]
"""Of queries, or of a Server's samples: latencies. From one completion to the next in SingleStream: periods, which
include LoadGen's own time between two queries; the first query has none. Only counted in Offline: completions, sorted
ones if long samples come first, so that the rate changes with the samples."""

COUNTED = ("completions", "sorted completions")
"""The kinds of which only numbers are known."""

Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]


class LatencyBlock(Document, array_like=True):
    """The times that ended in one block of time; their buckets are those of `mlperf_home.latencies.buckets`.

    Attributes:
        count: their number; of completions, the number of samples.
        sum_ns: their sum; 0 for completions.
        histogram: pairs of numbers in order: the distance of a bucket from the one before, from -1 at first, and the
            times in it; empty for completions.
    """

    count: Count
    sum_ns: Count
    histogram: Annotated[str, Meta(max_length=1 << 16)]


class KeptLatencies(Document):
    """The times of a run, in order.

    Attributes:
        kind: the kind of times.
        block_s: the length of a block.
        duration_s: the time from the first issue, or the first completion of periods, to the last completion; the last
            block may be shorter.
    """

    schema: Literal["mlperf-home/latencies/1"] = "mlperf-home/latencies/1"
    kind: Kind
    block_s: Seconds
    duration_s: Seconds
    blocks: Annotated[tuple[LatencyBlock, ...], Meta(min_length=1, max_length=MOST_BLOCKS)]

    @property
    def count(self) -> int:
        """The number of times, or of completed samples."""
        return sum(each.count for each in self.blocks)


class TimesOverTime(Document):
    """The times of a run by parts, for a picture.

    Attributes:
        ends_s: the end of each part, from the beginning.
        lines: one value for each part by name: percentiles in ms ("p50", "p90", "p99"), or "samples per second".
        slow: whether each part was slow; empty if the machine did not change state.
    """

    kind: Kind
    ends_s: tuple[float, ...]
    lines: Mapping[str, tuple[float, ...]]
    slow: tuple[bool, ...] = ()


def kind_of(scenario: str, *, has_lengths: bool) -> Kind:
    """Return the kind of times that a run of a scenario keeps, of samples with or without lengths."""
    offline: Kind = "sorted completions" if has_lengths else "completions"
    kinds: dict[str, Kind] = {"SingleStream": "periods", "Offline": offline}
    return kinds.get(scenario, "latencies")


def read_latencies(path: Path) -> KeptLatencies:
    """Read the latencies of a run.

    Raises:
        DocumentError: the file cannot be read, or is no such document; its text may still be no histogram.
    """
    return read_layout(path, KeptLatencies, LATENCY_LIMITS)
