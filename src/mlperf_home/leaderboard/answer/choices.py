"""Choices: a CPU with a model, and what is known of the two together from all machines of that CPU."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlperf_home.contracts.leaderboard.judging import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlperf_home.contracts.leaderboard.judging import MachinePredictions, State
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.store.index import JudgedResult

Origin = Literal["measured", "predicted", "published"]

SPEEDS = ("latency_ms", "samples_per_second", "queries_per_second")
ACCURACIES = ("top1_percent", "f1_percent")
METRICS = (*SPEEDS, *ACCURACIES, "peak_memory_bytes", "energy_per_sample_j")
"""The metrics of a choice, besides price and cost."""

_LEFT_OUT = frozenset({"withdrawn", "disputed", "verified"})
_MILLIJOULES = "energy_mj"


class Amount(NamedTuple):
    """A value with its interval, which is (value, value) if nothing is known of it."""

    value: float
    low: float
    high: float


class ChoiceKey(NamedTuple):
    """What is chosen. Speeds of different runtime classes are never compared."""

    benchmark: str
    scenario: str
    runtime: str
    cpu: str
    cores: int | None
    model: str
    sample: bool


@dataclass(frozen=True)
class RankedChoice:
    """A CPU with a model.

    Attributes:
        key: what is chosen.
        origin: how its speed is known.
        state: the best state of its results.
        contributors: the number of independent contributors behind its speed.
        machines: the number of machines.
        results: the ids of the results.
        amounts: values by metric.
        price_per_hour: in the currency of the user's table; None if unknown.
    """

    key: ChoiceKey
    origin: Origin
    state: State
    contributors: int
    machines: int
    results: tuple[str, ...]
    amounts: dict[str, Amount]
    price_per_hour: float | None = None

    def value(self, metric: str) -> float | None:
        """Return the value of a metric; None if it is unknown. Cost and price are metrics too."""
        if metric == "price_per_hour":
            return self.price_per_hour
        if metric == "cost_per_million":
            return self.cost_per_million
        amount = self.amounts.get(metric)
        return amount.value if amount else None

    @property
    def time_ms(self) -> float | None:
        """The milliseconds of a query or of a sample."""
        if latency := self.value("latency_ms"):
            return latency
        rate = self.value("samples_per_second") or self.value("queries_per_second")
        return 1000 / rate if rate else None

    @property
    def cost_per_million(self) -> float | None:
        """The cost of a million inferences, one after another; None without a price."""
        time_ms = self.time_ms
        return None if self.price_per_hour is None or time_ms is None else self.price_per_hour * time_ms / 3.6


def choices(results: Iterable[JudgedResult], published: Iterable[BoardResult] = ()) -> list[RankedChoice]:
    """Return what is measured, and beside it what was published; neither is mixed with the other.

    Withdrawn and disputed results, and those that failed a check, are left out.
    """
    groups: dict[tuple[ChoiceKey, bool], list[tuple[BoardResult, State]]] = defaultdict(list)
    for each in results:
        if each.judgement.state not in _LEFT_OUT:
            groups[choice_key(each.result), False].append((each.result, each.judgement.state))
    for row in published:
        groups[choice_key(row), True].append((row, "published"))
    return [
        RankedChoice(
            key=key,
            origin="published" if copied else "measured",
            state=min((state for _, state in group), key=STATES.index),
            contributors=len({owner_of(result) for result, _ in group}),
            machines=len({(owner_of(result), result.machine) for result, _ in group}),
            results=tuple(result.id for result, _ in group),
            amounts=dict(_amounts([result for result, _ in group])),
        )
        for (key, copied), group in groups.items()
    ]


def predicted_choices(
    predictions: Iterable[MachinePredictions],
    results: Sequence[JudgedResult],
    measured: Sequence[RankedChoice],
) -> Iterator[RankedChoice]:
    """Yield models that a machine has not measured: predicted latencies, and accuracies of others' measurements."""
    by_id = {each.result.id: each.result for each in results}
    states = {each.result.id: each.judgement.state for each in results}
    known = {choice.key for choice in measured if choice.origin == "measured"}
    accuracies = _accuracies(measured)
    for machine in predictions:
        origin = by_id.get(machine.machine)
        if origin is None or states[origin.id] in {"withdrawn", "disputed"}:
            continue
        for each in machine.latencies:
            key = choice_key(origin)._replace(model=each.model)
            if key not in known:
                amounts = {"latency_ms": Amount(each.latency_ms, each.low_ms, each.high_ms)}
                amounts |= accuracies.get((key.benchmark, each.model), {})
                yield RankedChoice(key, "predicted", "plausible", 1, 1, (origin.id,), amounts)


def _accuracies(measured: Sequence[RankedChoice]) -> dict[tuple[str, str], dict[str, Amount]]:
    """Return the accuracies of models on any machine: they hardly depend on it."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for choice in measured:
        for metric in ACCURACIES:
            if (value := choice.value(metric)) is not None:
                found[choice.key.benchmark, choice.key.model][metric].append(value)
    return {
        key: {name: Amount(statistics.median(each), min(each), max(each)) for name, each in values.items()}
        for key, values in found.items()
    }


def owner_of(result: BoardResult) -> str:
    """Return who answers for a result: a key, an unsigned bundle, or the publisher."""
    return result.key or result.bundle or result.contributor


def choice_key(result: BoardResult) -> ChoiceKey:
    """Return the choice that a result belongs to."""
    of = result.of
    return ChoiceKey(result.benchmark, result.scenario, of.runtime, of.cpu, of.cores, result.model, result.sample)


def _amounts(results: Sequence[BoardResult]) -> Iterator[tuple[str, Amount]]:
    """Yield the median of the machines' medians; the interval is their range, or the one machine's own."""
    for metric in METRICS:
        by_machine: dict[tuple[str, str], list[float]] = defaultdict(list)
        for each in results:
            if (value := _metric(each, metric)) is not None:
                by_machine[owner_of(each), each.machine].append(value)
        if not by_machine:
            continue
        medians = [statistics.median(values) for values in by_machine.values()]
        every = [value for values in by_machine.values() for value in values]
        middle = statistics.median(medians)
        if len(every) > 1:
            yield metric, Amount(middle, min(every), max(every))
        else:
            own = next(each for each in results if _metric(each, metric) is not None)
            low, high = own.metrics.get(f"low_{metric}", middle), own.metrics.get(f"high_{metric}", middle)
            yield metric, Amount(middle, low, high)


def _metric(result: BoardResult, metric: str) -> float | None:
    value = result.metrics.get(metric)
    if value is None and metric == "energy_per_sample_j" and _MILLIJOULES in result.metrics:
        return result.metrics[_MILLIJOULES] / 1000
    return value
