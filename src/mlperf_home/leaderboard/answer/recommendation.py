"""Which machine and which model: constraints, a ranking within each runtime class, and the nearest where none fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.leaderboard.answer.choices import ACCURACIES, RankedChoice
from mlperf_home.measurements.measurement import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlperf_home.measurements.prices import Prices

RANKS = ("cost", "energy", "speed", "accuracy")
"""What a ranking goes by."""

_PERCENTILES = {"measured": 0, "published": 1, "predicted": 2}


class Constraint(NamedTuple):
    """A bound on a metric: `least` or `most`."""

    metric: str
    bound: float
    least: bool

    def missed_by(self, choice: RankedChoice) -> float | None:
        """Return by how much a choice misses the bound, as a share of it; 0 if it fits, None if it is unknown."""
        value = choice.value(self.metric)
        if value is None:
            return None
        off = self.bound - value if self.least else value - self.bound
        return max(0.0, off) / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        sign = "at least" if self.least else "at most"
        return f"{sign} {self.bound:g} {UNITS.get(self.metric, self.metric)}"


UNITS = {
    "top1_percent": "% top-1",
    "f1_percent": "% F1",
    "latency_ms": "ms",
    "samples_per_second": "samples/s",
    "peak_memory_bytes": "bytes of memory",
    "energy_per_sample_j": "J a sample",
    "price_per_hour": "an hour",
    "cost_per_million": "a million inferences",
}
"""The words of each metric, after its number."""


@dataclass(frozen=True)
class ClassAnswer:
    """The answer within a benchmark, a scenario and a runtime class.

    Attributes:
        fitting: the choices that fit, the best first.
        nearest: where none fits, the choice that misses the constraints least; None if nothing can be said.
        missed: the constraints that `nearest` misses.
        considered: the number of choices with all constrained values known.
        unknown: the number of choices that lack one.
    """

    benchmark: str
    scenario: str
    runtime: str
    fitting: tuple[RankedChoice, ...]
    nearest: RankedChoice | None
    missed: tuple[Constraint, ...]
    considered: int
    unknown: int


def recommend(
    every: Iterable[RankedChoice], constraints: Sequence[Constraint], rank: str, prices: Prices | None = None
) -> list[ClassAnswer]:
    """Return the answer for each benchmark, scenario and runtime class, those with most machines first."""
    groups: dict[tuple[str, str, str], list[RankedChoice]] = {}
    for choice in priced(list(every), prices):
        groups.setdefault((choice.key.benchmark, choice.key.scenario, choice.key.runtime), []).append(choice)
    answers = [_answer(key, group, constraints, rank) for key, group in groups.items()]
    return sorted(answers, key=lambda each: (-len(each.fitting), -each.considered, each.runtime))


def priced(every: Sequence[RankedChoice], prices: Prices | None) -> Sequence[RankedChoice]:
    """Return choices with the prices of their CPUs; those that the table does not name have none."""
    if prices is None:
        return every
    found: dict[str, float | None] = {}
    for choice in every:
        if choice.key.cpu not in found:
            price = prices.of({"cpu": Value(choice.key.cpu, "copied", "the board")})
            found[choice.key.cpu] = price.number if price else None
    return [replace(choice, price_per_hour=found[choice.key.cpu]) for choice in every]


def _answer(
    key: tuple[str, str, str], group: Sequence[RankedChoice], constraints: Sequence[Constraint], rank: str
) -> ClassAnswer:
    misses = [(choice, [each.missed_by(choice) for each in constraints]) for choice in group]
    known = [(choice, [miss for miss in missed if miss is not None]) for choice, missed in misses if None not in missed]
    fitting = [choice for choice, missed in known if not any(missed) and _rank_value(choice, rank) is not None]
    fitting.sort(key=lambda choice: (_PERCENTILES[choice.origin] == 2, _rank_value(choice, rank), choice.key))  # noqa: PLR2004
    nearest = None if fitting or not known else min(known, key=lambda pair: (sum(pair[1]), pair[0].key))[0]
    missed = tuple(each for each in constraints if nearest is not None and each.missed_by(nearest))
    return ClassAnswer(*key, tuple(fitting), nearest, missed, len(known), len(group) - len(known))


def _rank_value(choice: RankedChoice, rank: str) -> float | None:
    """Return what the ranking goes by: less is better; None if it is unknown."""
    if rank == "cost":
        return choice.cost_per_million
    if rank == "energy":
        return choice.value("energy_per_sample_j")
    if rank == "accuracy":
        accuracy = next((value for name in ACCURACIES if (value := choice.value(name)) is not None), None)
        return None if accuracy is None else -accuracy
    return choice.time_ms


def best_of_each_cpu(answer: ClassAnswer) -> list[RankedChoice]:
    """Return the best choice of each CPU that has one, in the order of the ranking."""
    return list({(choice.key.cpu, choice.key.cores): choice for choice in reversed(answer.fitting)}.values())[::-1]


def sentence(answer: ClassAnswer, constraints: Sequence[Constraint], rank: str) -> str:
    """Return the answer in one sentence."""
    wish = " and ".join(map(str, constraints))
    subject = f"{answer.benchmark}, {answer.scenario}, {answer.runtime}{f', with {wish}' if wish else ''}"
    if answer.fitting:
        best = answer.fitting[0]
        word = {"cost": "cheapest", "energy": "thriftiest", "accuracy": "most accurate"}.get(rank, "fastest")
        return f"For {subject}, the {word} {origin_words(best)} is {_named(best)}."
    if answer.nearest is None:
        return f"For {subject}, nothing is known of {UNITS.get(constraints[0].metric, '') if constraints else 'it'}."
    missed = " and ".join(map(str, answer.missed))
    return f"For {subject}, no machine fits; the nearest is {_named(answer.nearest)}, which misses {missed}."


def _named(choice: RankedChoice) -> str:
    return f"{choice.key.cpu} with {choice.key.model} ({facts(choice)})"


def origin_words(choice: RankedChoice) -> str:
    """Return how the speed of a choice is known."""
    if choice.origin == "predicted":
        return "prediction"
    return "published result" if choice.origin == "published" else "measured machine"


def facts(choice: RankedChoice) -> str:
    """Return the values of a choice, and how many independent contributors stand behind it."""
    parts = []
    if latency := choice.amounts.get("latency_ms"):
        parts.append(f"{latency.value:.3g} ms")
    if rate := choice.amounts.get("samples_per_second"):
        parts.append(f"{rate.value:.4g} samples/s")
    copied = " (copied)" if choice.latency_only else ""
    known = [name for name in ACCURACIES if name in choice.amounts]
    parts += [f"{choice.amounts[name].value:.4g} {UNITS[name]}{copied}" for name in known]
    if choice.cost_per_million is not None:
        parts.append(f"{choice.cost_per_million:.3g} a million")
    who = f"{choice.contributors} independent contributor{'s' if choice.contributors != 1 else ''}"
    return ", ".join([*parts, f"{who}, {choice.state_words}" if choice.origin == "measured" else choice.origin])
