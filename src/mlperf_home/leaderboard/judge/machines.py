"""The results of a board by machine: one contributor's machine of one class."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult, MachineClass

_NOISE_WORDS = re.compile(r"\((?:r|tm)\)|\bcpu\b|\bprocessor\b|@ *[0-9.]+ *ghz|[0-9]+-core", re.IGNORECASE)

Subject = tuple[str, str, str]
"""What is measured: benchmark, scenario, and model."""


def cpu_name(text: str) -> str:
    """Return a CPU's model without marks, clocks, and words that some sources add."""
    return " ".join(_NOISE_WORDS.sub(" ", text).lower().split())


class MachineId(NamedTuple):
    """A machine of one owner, in one configuration."""

    owner: str
    machine: str
    of: MachineClass
    published: bool
    sample: bool


@dataclass(frozen=True)
class BoardMachine:
    """A machine with its results.

    Attributes:
        results: in the order of their receipts.
    """

    id: MachineId
    results: tuple[BoardResult, ...]

    @property
    def owner(self) -> str:
        """Who answers for it: a contributor, an unsigned bundle, or the publisher of rows."""
        return self.id.owner

    @property
    def signed(self) -> bool:
        """Whether a key answers for its results."""
        return bool(self.results[0].key)

    def times(self) -> dict[Subject, tuple[float, ...]]:
        """Return the times of each subject, in milliseconds."""
        times: dict[Subject, list[float]] = defaultdict(list)
        for each in self.results:
            if time_ms := each.speed_ms:
                times[subject_of(each)].append(time_ms)
        return {subject: tuple(values) for subject, values in times.items()}

    def latencies(self, benchmark: str, scenario: str) -> dict[str, float]:
        """Return the median time of each model, in milliseconds."""
        return {
            model: statistics.median(values)
            for (its_benchmark, its_scenario, model), values in self.times().items()
            if (its_benchmark, its_scenario) == (benchmark, scenario)
        }


def subject_of(result: BoardResult) -> Subject:
    """Return what a result measured."""
    return result.benchmark, result.scenario, result.model


def board_machines(results: Iterable[BoardResult], owners: Mapping[str, str]) -> list[BoardMachine]:
    """Group results by machine.

    Args:
        results: results that count.
        owners: the first key of a contributor, by each later one.
    """
    groups: dict[MachineId, list[BoardResult]] = defaultdict(list)
    for each in results:
        published = each.kind == "published"
        owner = each.contributor if published else owners.get(each.key, each.key) or each.bundle
        groups[MachineId(owner, each.machine, each.of, published, each.sample)].append(each)
    return [BoardMachine(key, tuple(group)) for key, group in groups.items()]


def level_ratio(machine: BoardMachine, other: BoardMachine) -> float | None:
    """Return how many times as long a machine takes as another: the median over common subjects; None without any."""
    mine, theirs = machine.times(), other.times()
    common = mine.keys() & theirs.keys()
    ratios = [statistics.median(mine[each]) / statistics.median(theirs[each]) for each in common]
    return statistics.median(ratios) if ratios else None


def same_cpu(machine: BoardMachine, others: Sequence[BoardMachine]) -> list[BoardMachine]:
    """Return the machines of other owners with the same CPU and runtime class."""
    of = machine.id.of
    return [
        other
        for other in others
        if other.owner != machine.owner
        and other.id.sample == machine.id.sample
        and other.id.of.runtime == of.runtime
        and cpu_name(other.id.of.cpu) == cpu_name(of.cpu) != ""
    ]
