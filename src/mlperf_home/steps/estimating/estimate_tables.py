"""The tables of an estimate: each row fits a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.pareto.front import front
from mlperf_home.steps.reports import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.studies.estimate import EstimateDocument, ModelEstimate

    Rows = list[tuple[str, str]]

_TITLES = {"front": "on the front", "undecided": "undecided"}
_NONE = {"front": "none is on it with confidence", "undecided": "all are decided"}
_FAMILY = "mobilenet-"
_LONGEST_CPU = 50


def estimate_tables(estimate: EstimateDocument) -> Iterator[tuple[str, Rows]]:
    """Yield the title and rows of each table."""
    mark = "SAMPLE: " if estimate.sample else ""
    best = _best(estimate.models)
    for standing, words in _TITLES.items():
        chosen = [each for each in estimate.models if each.standing == standing]
        chosen.sort(key=lambda each: (-(each.accuracy_percent or 0.0), each.latency_ms))
        # With wide intervals nearly all models are undecided; those that the values favour are shown.
        likely = [each for each in chosen if each.model in best]
        rows = [(short_name(each.model), _values(each)) for each in likely] or [("no model", _NONE[standing])]
        if rest := len(chosen) - len(likely):
            rows.append((f"{rest} more", "less likely; see estimate.json"))
        yield f"{mark}{words} ({len(chosen)})", rows
    yield f"{mark}where this machine stands", list(_positions(estimate))
    yield f"{mark}this estimate is unofficial", list(_facts(estimate))


def _best(models: Sequence[ModelEstimate]) -> set[str]:
    """Return the models of the front, and those that no other one beats by the values, ignoring the intervals."""
    values = [(each.latency_ms, each.accuracy_percent or 0.0) for each in models]
    likely = {each.model for each, keep in zip(models, front(values, ("min", "max")), strict=True) if keep}
    return likely | {each.model for each in models if each.standing == "front"}


def short_name(model: str) -> str:
    """Return a model's name without the family that all have."""
    return model.removeprefix("sample-").removeprefix(_FAMILY)


def _values(model: ModelEstimate) -> str:
    low, high = model.interval_ms
    accuracy = "?" if model.accuracy_percent is None else f"{model.accuracy_percent:.1f}"
    mark = "*" if model.origin == "measured" else " "
    return f"{model.latency_ms:.3g}{mark} ms ({low:.3g} to {high:.3g}), {accuracy} %"


def _positions(estimate: EstimateDocument) -> Iterator[tuple[str, str]]:
    """Yield the place of each measured model, and the neighbours of the first."""
    if estimate.no_position:
        yield "unknown", estimate.no_position
    for number, each in enumerate(estimate.positions):
        share = each.slower / each.systems
        yield short_name(each.model), f"faster than {share:.0%} of {each.systems} systems, {each.cpus} CPUs"
        if number == 0:
            yield "  next faster", (each.next_faster or "none")[:_LONGEST_CPU]
            yield "  next slower", (each.next_slower or "none")[:_LONGEST_CPU]


def _facts(estimate: EstimateDocument) -> Iterator[tuple[str, str]]:
    measured = sum(each.origin == "measured" for each in estimate.models)
    dominated = sum(each.standing == "dominated" for each in estimate.models)
    crowd = estimate.crowd
    made_up = "made-up machines" if estimate.sample else "published machines"
    yield "latency", "milliseconds, 90th percentile of SingleStream; * measured here"
    yield (
        "interval",
        f"contains {estimate.confidence:.0%} of the latencies",
    )
    yield "accuracy", "copied, top-1; not measured here"
    yield "dominated", f"{dominated} of {len(estimate.models)}, by another that is faster and more accurate"
    yield "learnt from", f"{crowd.machines} {made_up}, {crowd.families} families of CPU"
    yield "runtime", f"{estimate.engine}: {'the crowd has it' if crowd.runtime_known else 'wider intervals'}"
    yield "measured", f"{measured} of {len(estimate.models)} models, in {duration(estimate.spent_s)}"
