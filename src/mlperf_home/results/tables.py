"""Results as tables for people: samples and real results are never in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.picture import SAMPLE
from scriptgraph.embed import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.experiments.fronts import Front
    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.results.stored import StoredResult

UNITS = {"latency_ms": "ms", "samples_per_second": "samples/s", "queries_per_second": "queries/s"}
ACCURACIES = {"top1_percent": "% top-1", "f1_percent": "% F1"}
# The columns that are always shown: model, result and accuracy.
_ALWAYS = 3
Group = tuple[bool, str, str]


def grouped(results: Iterable[StoredResult]) -> dict[Group, list[StoredResult]]:
    """Return the results that one table shows: samples and real results are never mixed."""
    groups: dict[Group, list[StoredResult]] = {}
    for each in results:
        found = each.measurement
        groups.setdefault((found.sample, found.benchmark, found.scenario), []).append(each)
    return dict(sorted(groups.items()))


def best_of(results: Iterable[StoredResult]) -> list[tuple[StoredResult, int]]:
    """Return the best result of each model, scenario and engine, with the number of its results.

    A VALID result is better than an INVALID one, then an official one than another, then the faster one.
    """
    alike: dict[tuple[str, ...], list[StoredResult]] = {}
    for each in results:
        found = each.measurement
        key = (str(found.sample), found.benchmark, each.model_name, found.scenario, each.engine)
        alike.setdefault(key, []).append(each)
    return [(min(group, key=_rank), len(group)) for group in alike.values()]


def _rank(result: StoredResult) -> tuple[bool, bool, float, str]:
    found = result.measurement
    return found.validity != "VALID", bool(found.unofficial_because), _cost(found), result.name


def _cost(measurement: Measurement) -> float:
    """Return the latency, or the negative rate; infinite without both."""
    for name in UNITS:
        value = measurement.values.get(name)
        if value is not None and value.number is not None:
            return value.number if name == "latency_ms" else -value.number
    return float("inf")


def result_section(group: Group, results: Sequence[tuple[StoredResult, int]]) -> Section:
    """Return the table of comparable results, the fastest first; what all share is in its title."""
    sample, benchmark, scenario = group
    rows = [
        (
            each.model_name,
            first_text(each.measurement, UNITS) or "-",
            first_text(each.measurement, ACCURACIES),
            each.engine,
            verdict(each.measurement),
            f"best of {count}" if count > 1 else "",
        )
        for each, count in sorted(results, key=lambda pair: (_cost(pair[0].measurement), pair[0].name))
    ]
    title = ", ".join([f"{SAMPLE + ': ' if sample else ''}{benchmark}", scenario])
    return _narrow(title, ("model", "result", "accuracy", "engine", "verdict", ""), rows)


def _narrow(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Section:
    """Return a table without the columns whose cells are all equal; their text is in the title instead."""
    columns = [set(column) for column in zip(*rows, strict=True)]
    kept = [number for number, cells in enumerate(columns) if number < _ALWAYS or len(cells) > 1]
    shared = [next(iter(cells)) for number, cells in enumerate(columns) if number not in kept]
    shown = [tuple(row[number] for number in kept) for row in rows]
    return Section(", ".join([title, *filter(None, shared)]), shown, tuple(header[number] for number in kept))


def front_section(where: str, front: Front) -> Section:
    """Return the table of one front, in the order of its first metric."""
    of, names = front.of, [each.name for each in front.axes]
    sample = f"{SAMPLE}: " if of.sample else ""
    left_out = [f"{front.invalid} INVALID"] if front.invalid else []
    left_out += [f"{front.lacking} without these values"] if front.lacking and names else []
    reasons = f"; left out: {', '.join(left_out)}" if left_out else ""
    title = f"{sample}{of.benchmark}, {of.scenario}, {where}"
    if not names:
        return Section(f"{title}: no result has a latency or rate and an accuracy{reasons}")
    rows = [
        (_name_of(each, "model", "name"), _cpu_of(each), *(f"{each.values[name].number:.4g}" for name in names))
        for each in front.members
    ]
    kept = [number for number in range(len(names) + 2) if number != 1 or len({row[1] for row in rows}) > 1]
    header = ("model", "CPU", *(each.label for each in front.axes))
    shown = [tuple(row[number] for number in kept) for row in rows]
    head = tuple(header[number] for number in kept) if rows else ()
    return Section(f"{title}: {len(rows)} of {front.compared} on the front{reasons}", shown, head)


def _name_of(measurement: Measurement, group: str, name: str) -> str:
    value = getattr(measurement, group).get(name)
    return "" if value is None or value.value is None else str(value.value)


def _cpu_of(measurement: Measurement) -> str:
    names = ("host_processor_model_name", "cpu", "name")
    return next(filter(None, (_name_of(measurement, "system", name) for name in names)), "unknown")


def find_section(results: Sequence[StoredResult]) -> Section:
    """Return the list of results with their folders."""
    rows = [
        (each.name, ", ".join(filter(None, (first_text(each.measurement, UNITS), verdict(each.measurement)))))
        for each in results
    ]
    title = "1 result" if len(rows) == 1 else f"{len(rows)} results"
    return Section(title, rows, ("result", "value") if rows else ())


def verdict(measurement: Measurement) -> str:
    """Return LoadGen's verdict, and whether the result is official."""
    said = measurement.validity or "accuracy only"
    return f"{said}, unofficial" if measurement.unofficial_because and said == "VALID" else said


def first_text(measurement: Measurement, units: Mapping[str, str]) -> str:
    """Return the first known value of these, with its unit; "" if none is known."""
    for name, unit in units.items():
        value = measurement.values.get(name)
        if value is not None and value.number is not None:
            return f"{value.number:.4g} {unit}"
    return ""
