"""Results as tables for people: samples and real results are never in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.picture import SAMPLE
from scriptgraph.embed import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.results.stored import StoredResult

UNITS = {"latency_ms": "ms", "samples_per_second": "samples/s", "queries_per_second": "queries/s"}
ACCURACIES = {"top1_percent": "% top-1", "f1_percent": "% F1"}
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
    """Return the table of comparable results, the fastest first."""
    sample, benchmark, scenario = group
    rows = [
        (
            each.model_name,
            each.engine,
            first_text(each.measurement, UNITS),
            first_text(each.measurement, ACCURACIES),
            verdict(each.measurement),
            f"best of {count}" if count > 1 else "",
        )
        for each, count in sorted(results, key=lambda pair: (_cost(pair[0].measurement), pair[0].name))
    ]
    used = [number for number in range(len(rows[0])) if any(row[number] for row in rows)]
    header = ("model", "engine", "result", "accuracy", "verdict", "")
    title = f"{SAMPLE + ': ' if sample else ''}{benchmark}, {scenario}"
    shown = [tuple(row[number] for number in used) for row in rows]
    return Section(title, shown, tuple(header[number] for number in used))


def find_section(results: Sequence[StoredResult]) -> Section:
    """Return the list of results with their folders."""
    rows = [
        (
            each.name,
            each.model_name,
            each.measurement.scenario,
            first_text(each.measurement, UNITS) or "-",
            verdict(each.measurement),
            "sample" if each.measurement.sample else "",
        )
        for each in results
    ]
    header = ("result", "model", "scenario", "value", "verdict", "")
    return Section(f"{len(rows)} result{'s' if len(rows) != 1 else ''}", rows, header if rows else ())


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
