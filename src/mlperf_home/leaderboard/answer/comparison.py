"""Two CPUs or machines head to head: each common subject, the ratio, and whether the difference is real."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.measurements.equivalence import RepeatedValue, compare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.measurements.equivalence import ComparedRuns

_WORDS = {"reproduced": "the same", "not reproduced": "different", "inconclusive": "cannot be told"}


class HeadToHead(NamedTuple):
    """A subject on two sides; the ratio is the second's time to the first's."""

    benchmark: str
    scenario: str
    runtime: str
    model: str
    first_ms: float
    second_ms: float
    found: ComparedRuns

    @property
    def words(self) -> str:
        """Whether the difference is real, in words."""
        interval = self.found.interval
        reach = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
        return f"{self.found.ratio:.2f}{reach}: {_WORDS[self.found.verdict]}"


def head_to_head(first: Iterable[BoardResult], second: Iterable[BoardResult]) -> list[HeadToHead]:
    """Compare the common subjects of two sides, within each runtime class."""
    mine, theirs = _times(first), _times(second)
    common = [key for key in mine if key in theirs]
    found = compare([RepeatedValue(tuple(mine[key]), tuple(theirs[key])) for key in common])
    return [
        HeadToHead(*key, _middle(mine[key]), _middle(theirs[key]), each)
        for key, each in zip(common, found, strict=True)
    ]


def _times(results: Iterable[BoardResult]) -> dict[tuple[str, str, str, str], list[float]]:
    times: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for each in results:
        if time_ms := each.speed_ms:
            times[each.benchmark, each.scenario, each.of.runtime, each.model].append(time_ms)
    return times


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
