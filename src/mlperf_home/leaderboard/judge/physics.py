"""Physics: what no honest result can be, whoever made it. Each check returns its objections in words."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.prediction.crowd import FLOAT_PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.published.results import PublishedResults

HIGHEST_HZ = 7e9
"""No CPU that is sold has a higher clock."""

SLACK = 1.02
"""LoadGen rounds, and its mean and percentiles are of slightly different times."""

ACCURACY_POINTS = 0.5
"""The range of one model's accuracies over published machines (docs/trust.md)."""

# The most multiplications of a core in a cycle by feature, for whole numbers of 8 bits and for floats: two units of the
# widest instructions (Intel's and Arm's optimisation guides), twice where a later core may have four units.
_PER_CYCLE = (
    ("amx_int8", 2048, 1024),
    ("avx512_vnni", 256, 64),
    ("avx512f", 128, 64),
    ("avx2", 128, 32),
    ("i8mm", 512, 64),
    ("asimddp", 256, 64),
    ("asimd", 128, 64),
)
_UNKNOWN_CORE = (4096, 2048)
_PERCENTILES = ("latency_p50.00_ms", "latency_p90.00_ms", "latency_p99.00_ms", "latency_p99.90_ms")
_LARGER_AT_LEAST = 0.8
_MOST_OFFLINE_GAIN = 8.0
_WHOLE = 50_000
_SIGMAS = 4.0


class KnownModel(NamedTuple):
    """What is published of a model: millions of multiplications, and the range of accuracies in percent."""

    macs_m: float | None
    accuracies: tuple[float, float] | None


def known_models(results: PublishedResults) -> dict[str, KnownModel]:
    """Return what published results tell of each model."""
    accuracies: dict[int, list[float]] = defaultdict(list)
    for row in results.rows:
        if row.accuracy_percent is not None:
            accuracies[row.model].append(row.accuracy_percent)
    ranges = {number: (min(values), max(values)) for number, values in accuracies.items()}
    return {model.name: KnownModel(model.macs_m, ranges.get(n)) for n, model in enumerate(results.models)}


@dataclass(frozen=True)
class Physics:
    """The checks, with what is known of models."""

    models: Mapping[str, KnownModel]

    def of_result(self, result: BoardResult) -> Iterator[str]:
        """Yield objections to one result."""
        yield from _order_of_percentiles(result.metrics)
        yield from _throughput(result)
        yield from self._peak(result)
        yield from self._accuracy(result)

    def _peak(self, result: BoardResult) -> Iterator[str]:
        known, time_ms = self.models.get(result.model), result.speed_ms
        if known is None or not known.macs_m or not time_ms or not result.of.cores:
            return
        per_cycle = next((row[1:] for row in _PER_CYCLE if row[0] in result.features), _UNKNOWN_CORE)
        is_float = result.model.rpartition("/")[2] in FLOAT_PRECISIONS
        least_ms = 1e3 * known.macs_m * 1e6 / (result.of.cores * HIGHEST_HZ * per_cycle[is_float])
        if time_ms < least_ms:
            yield (
                f"{time_ms:.3g} ms are less than {least_ms:.3g} ms, in which {result.of.cores} cores of this kind "
                f"cannot do {known.macs_m:g} million multiplications"
            )

    def _accuracy(self, result: BoardResult) -> Iterator[str]:
        known, percent = self.models.get(result.model), result.metrics.get("top1_percent")
        if known is None or known.accuracies is None or percent is None or result.kind != "measured":
            return
        low, high = known.accuracies
        images = min(result.metrics.get("dataset_samples", _WHOLE), _WHOLE)
        share = min(max(percent / 100, 0.001), 0.999)
        chance = 0.0 if images == _WHOLE else _SIGMAS * 100 * math.sqrt(share * (1 - share) / max(images, 1))
        reach = ACCURACY_POINTS + chance
        if not low - reach <= percent <= high + reach:
            yield f"{percent:.2f} % top-1 are outside {low:.2f} to {high:.2f} %, the range of published machines"

    def of_machine(self, results: Sequence[BoardResult]) -> Iterator[tuple[str, str]]:
        """Yield objections to the results of one machine beside each other, each with a result's id."""
        yield from _monotone([each for each in results if each.scenario == "SingleStream"])
        yield from _scenarios(results)


def _order_of_percentiles(metrics: Mapping[str, float]) -> Iterator[str]:
    known = [(name, metrics[name]) for name in _PERCENTILES if name in metrics]
    for (low, lower), (high, higher) in pairwise(known):
        if lower > higher:
            yield f"{low} is {lower:g}, more than {high}, {higher:g}"


def _throughput(result: BoardResult) -> Iterator[str]:
    """In SingleStream one query follows another: the rate is the reciprocal of the mean latency."""
    rate, mean_ms = result.metrics.get("queries_per_second"), result.metrics.get("mean_latency_ms")
    if result.scenario == "SingleStream" and rate and mean_ms and rate * mean_ms > 1000 * SLACK:
        yield f"{rate:g} queries a second and a mean latency of {mean_ms:g} ms exclude each other"


def _monotone(results: Sequence[BoardResult]) -> Iterator[tuple[str, str]]:
    """Of one family and precision, a model with a larger image and as many channels, or more, takes longer."""
    sized = [(each, size, each.speed_ms) for each in results if (size := _size(each.model)) and each.speed_ms]
    for larger, (kind, width, side), time_ms in sized:
        smaller = [
            (other, other_ms)
            for other, (other_kind, other_width, other_side), other_ms in sized
            if other_kind == kind and other_width <= width and other_side < side
        ]
        beaten = [other for other, other_ms in smaller if time_ms < _LARGER_AT_LEAST * other_ms]
        if beaten and len(beaten) > len(smaller) / 2:
            yield larger.id, f"it is faster than {beaten[0].model}, which is smaller"


def _size(model: str) -> tuple[tuple[str, str], float, int] | None:
    """Return family and precision, width and resolution of an image classifier's one name."""
    parts = model.split("/")
    try:
        family, width, side, precision = parts
        return (family, precision), float(width), int(side)
    except ValueError:
        return None


def _scenarios(results: Sequence[BoardResult]) -> Iterator[tuple[str, str]]:
    """Offline is not slower than SingleStream by much, nor faster than all cores together could make it."""
    single = {(each.benchmark, each.model): each.speed_ms for each in results if each.scenario == "SingleStream"}
    for each in results:
        alone, time_ms = single.get((each.benchmark, each.model)), each.speed_ms
        if each.scenario != "Offline" or not alone or not time_ms or not each.of.cores:
            continue
        if time_ms * each.of.cores * _MOST_OFFLINE_GAIN < alone:
            yield each.id, f"{1000 / time_ms:g} samples a second do not go with {alone:g} ms in SingleStream"
