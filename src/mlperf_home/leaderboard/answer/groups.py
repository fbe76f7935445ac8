"""Choices that may be compared: those of one benchmark, scenario and runtime class."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.leaderboard.answer.choices import ACCURACIES, RankedChoice
from mlperf_home.pareto.front import fronts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Group(NamedTuple):
    """What choices have in common if they may be compared."""

    benchmark: str
    scenario: str
    runtime: str
    sample: bool

    def __str__(self) -> str:
        return f"{self.benchmark}, {self.scenario}, {self.runtime}"


def group_of(choice: RankedChoice) -> Group:
    """Return the group of a choice."""
    return Group(choice.key.benchmark, choice.key.scenario, choice.key.runtime, choice.key.sample)


def accuracy_of(choice: RankedChoice) -> tuple[str, float] | None:
    """Return the metric and the percentage of a choice's accuracy; None if it is unknown."""
    return next(((name, value) for name in ACCURACIES if (value := choice.value(name)) is not None), None)


def ranked_groups(every: Iterable[RankedChoice]) -> dict[Group, list[RankedChoice]]:
    """Return the choices of each group, the fastest first."""
    groups: dict[Group, list[RankedChoice]] = defaultdict(list)
    for choice in every:
        groups[group_of(choice)].append(choice)
    for group in groups.values():
        group.sort(key=lambda choice: (choice.time_ms or float("inf"), choice.key.model, choice.key.cpu))
    return dict(sorted(groups.items()))


def front_of(every: Sequence[RankedChoice]) -> list[RankedChoice]:
    """Return the choices on the front of time and accuracy of their group."""
    known = [(choice, choice.time_ms, accuracy_of(choice)) for choice in every]
    complete = [(choice, time_ms, found[1]) for choice, time_ms, found in known if time_ms and found is not None]
    values = [(time_ms, percent) for _, time_ms, percent in complete]
    keeps = fronts([group_of(choice) for choice, _, _ in complete], values, ("min", "max"))
    return [choice for (choice, _, _), keep in zip(complete, keeps, strict=True) if keep]
