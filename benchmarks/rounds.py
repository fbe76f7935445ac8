"""Compare ways of doing the same work in turns, by medians of ratios."""

from __future__ import annotations

import json
import os
import statistics
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Goal:
    """A goal for the ratio of two ways' figures.

    Attributes:
        name: a description of the comparison.
        over: the way in the numerator.
        under: the ways in the denominator, of which the best in each round counts.
        bound: the bound for the median of the rounds' ratios.
        at_most: whether the bound is an upper bound (for latencies), not a lower one (for rates).
    """

    name: str
    over: str
    under: tuple[str, ...]
    bound: float
    at_most: bool = False


@dataclass
class WayComparison:
    """The figures of several ways, one for each round."""

    unit: str
    figures: dict[str, list[float]] = field(default_factory=dict)

    def run(self, ways: Mapping[str, Callable[[], float]], rounds: int) -> None:
        """Measure every way once per round, in turns, after a warm-up round that does not count.

        Each round begins with another way, so that a way's heat and caches do not always affect the same next way.
        """
        names = list(ways)
        for number in range(rounds + 1):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                figure = ways[name]()
                if number:
                    self.figures.setdefault(name, []).append(figure)
            print(f"round {number} of {rounds}" + ("" if number else " (warm-up)"), file=sys.stderr)

    def ratios(self, goal: Goal) -> list[float]:
        """Return a goal's ratio in each round."""
        best = min if goal.at_most else max
        others = [self.figures[name] for name in goal.under]
        return [
            figure / best(other)
            for figure, other in zip(self.figures[goal.over], zip(*others, strict=True), strict=True)
        ]


def load_before() -> float:
    """Return the machine's load in the last minute; above a tenth of the cores, figures are not repeatable."""
    return os.getloadavg()[0]


def report(comparison: WayComparison, goals: tuple[Goal, ...], facts: Mapping[str, object], path: Path | None) -> bool:
    """Print tables, write JSON, and return whether all goals are reached."""
    print(f"\n{'way':34} {comparison.unit:>18}   lowest   highest   (median of {_rounds(comparison)} rounds)")
    for name, figures in comparison.figures.items():
        print(f"{name:34} {statistics.median(figures):18.2f} {min(figures):8.2f} {max(figures):9.2f}")
    print(f"\n{'ratio':50} median   lowest  highest   goal")
    rows = []
    for goal in goals:
        ratios = comparison.ratios(goal)
        median = statistics.median(ratios)
        reached = median <= goal.bound if goal.at_most else median >= goal.bound
        sign = "<=" if goal.at_most else ">="
        word = "reached" if reached else "MISSED"
        print(f"{goal.name:50} {median:6.3f} {min(ratios):8.3f} {max(ratios):8.3f}   {sign} {goal.bound:.2f} {word}")
        rows.append({"name": goal.name, "median": median, "ratios": ratios, "bound": goal.bound, "reached": reached})
    if path is not None:
        document = {**facts, "unit": comparison.unit, "figures": comparison.figures, "goals": rows}
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        print(f"\nwritten: {path}")
    return all(bool(row["reached"]) for row in rows)


def _rounds(comparison: WayComparison) -> int:
    return len(next(iter(comparison.figures.values())))
