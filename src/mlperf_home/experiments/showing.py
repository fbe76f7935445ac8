"""Experiments as tables: what was measured, fronts, and two runs beside each other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlperf_home.pictures.gathering import draw_from, from_measurement
from mlperf_home.pictures.picture import STANDINGS, axis
from mlperf_home.results.experiments import ExperimentError
from mlperf_home.results.front import plane_front
from mlperf_home.results.measurement import Value
from mlperf_home.results.store.expression import Expression, ExpressionError
from scriptgraph.listing import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.results.experiments import Experiment
    from mlperf_home.results.measurement import Measurement

SAMPLE = "SAMPLE, no MLPerf results"
_USUAL = ("latency_ms", "samples_per_second", "top1_percent", "f1_percent", "energy_j", "cost_per_million_inferences")
_EXPLORED = "explored_"


def experiment_rows(found: Sequence[Experiment], counts: Mapping[str, int]) -> Section:
    """List experiments: name, kind, tags, number of measurements, when."""
    rows = [
        (
            each.name,
            each.kind,
            ",".join(each.tags),
            str(counts[each.name]),
            "sample" if each.sample else "",
            each.created,
        )
        for each in found
    ]
    return Section(
        f"{len(rows)} experiments", rows, ("name", "kind", "tags", "measurements", "", "created") if rows else ()
    )


def derived(measurements: Sequence[Measurement], wanted: Mapping[str, Expression]) -> list[Measurement]:
    """Add derived metrics; one that lacks a name of theirs gets none.

    Raises:
        ExpressionError: no measurement has all names, or one divides by zero.
    """
    found = []
    for measurement in measurements:
        known = {**measurement.system, **_whole_machine(measurement), **measurement.engine, **measurement.values}
        more = {
            name: expression.value(known)
            for name, expression in wanted.items()
            if known.keys() >= set(expression.names)
        }
        found.append(replace(measurement, values={**measurement.values, **more}))
    for name, expression in wanted.items():
        if found and not any(name in each.values for each in found):
            there = sorted({key for each in measurements for key in (*each.system, *each.engine, *each.values)})
            raise ExpressionError(repr(expression.text), "uses a name that nothing has", f"use {', '.join(there)}")
    return found


def _whole_machine(measurement: Measurement) -> dict[str, Value]:
    """Give the cores of all sockets, for a result that tells the cores of each."""
    told = [measurement.system.get(name) for name in ("cores", "sockets")]
    counts = [each.value for each in told if each is not None and isinstance(each.value, (int, float))]
    if len(counts) != len(told):
        return {}
    return {"cores": Value(counts[0] * counts[1], "inferred", reason="cores of each socket, times sockets")}


def measured_section(
    experiment: Experiment, measurements: Sequence[Measurement], metrics: Sequence[str], order: str
) -> Section:
    """Show each measurement in a row.

    Raises:
        ExperimentError: a metric that nothing has.
    """
    there = list(dict.fromkeys(name for each in measurements for name in each.values))
    for name in (*metrics, *([order] if order else ())):
        if measurements and name not in there:
            raise ExperimentError(f"--metrics: {name}", "nothing has it", f"there are: {', '.join(sorted(there))}")
    shown = list(metrics) or [name for name in there if name.startswith(_EXPLORED) or name in _USUAL]
    rows = [
        (*_words(each), *(_word(each.values.get(name)) for name in shown))
        for each in sorted(measurements, key=lambda each: _order(each.values.get(order)))
    ]
    sample = experiment.sample or any(each.sample for each in measurements)
    title = _marked(f"{experiment.name}, {experiment.kind}: {len(rows)} measured", sample=sample)
    return Section(title, rows, ("model", "system", "scenario", "LoadGen", *shown) if rows else ())


def answer_sections(experiment: Experiment) -> list[Section]:
    """Show an exploration's answer in its three parts, with the work.

    Raises:
        ExperimentError: the answer cannot be read.
    """
    try:
        document = json.loads(experiment.answer.read_text("utf-8"))
        metrics = [each["name"] for each in document["metrics"]]
        sections = [_part(document[standing], standing, metrics) for standing in STANDINGS]
        work = document["work"]
        share = f"{work['share']:.1%} of what the exhaustive sweep takes"
        said = f"{sum(work['spent_s'].values()):.0f} s spent, {share}; at most {work['left_s']:.0f} s left"
        title = _marked(f"{experiment.name}: {document['name']} on {document['system']}", sample=document["sample"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        advice = "run the exploration again; its journal is kept"
        raise ExperimentError(experiment.answer, f"is no answer ({error})", advice) from None
    return [Section(title), *sections, Section(said), *(Section(each) for each in document["warnings"])]


def _part(standings: Sequence[Mapping[str, Any]], standing: str, metrics: Sequence[str]) -> Section:
    rows = [
        (each["point"], *(_number(each, name) for name in metrics), each["failed"] or ", ".join(each["against"]))
        for each in standings
    ]
    words = {"front": "", "undecided": "with", "dropped": "dominated by"}
    header = ("point", *(axis(name).label for name in metrics), words[standing])
    return Section(f"{standing} ({len(rows)})", rows, header if rows else ())


def _number(standing: Mapping[str, Any], name: str) -> str:
    value, interval = standing["values"].get(name), standing["intervals"].get(name)
    if value is None:
        return "not known"
    between = f" ({interval[0]:.5g} to {interval[1]:.5g})" if interval else ""
    return f"{value:.5g}{between}"


def front_section(experiment: Experiment, measurements: Sequence[Measurement], metrics: Sequence[str]) -> Section:
    """Show the front of what was measured, by two metrics.

    Raises:
        PictureError: nothing has both metrics.
        ExperimentError: other than two metrics.
    """
    if len(metrics) not in {0, 2}:
        raise ExperimentError("--metrics", f"names {len(metrics)} metrics", "a front in the terminal has two")
    sources = [source for each in measurements for source in from_measurement(each, imported=False)]
    x, y = metrics or ("", "")
    drawn = draw_from(sources, x, y, "")
    keeps = plane_front([(mark.x, mark.y) for mark in drawn.marks], (drawn.x.direction, drawn.y.direction))
    front = sorted((m for m, keep in zip(drawn.marks, keeps, strict=True) if keep), key=lambda mark: mark.x)
    rows = [(mark.name, mark.system, f"{mark.x:.6g}", f"{mark.y:.6g}") for mark in front]
    sample = experiment.sample or drawn.sample
    title = _marked(f"{experiment.name}: {len(rows)} of {len(drawn.marks)} are of the front", sample=sample)
    return Section(title, rows, ("model", "system", drawn.x.label, drawn.y.label))


def compared_section(name: str, pairs: Sequence[tuple[str, Measurement, Measurement]]) -> Section:
    """Show values of two runs of the same points, and by how much the second differs."""
    rows = []
    for words, first, second in pairs:
        for metric in _USUAL:
            one, other = first.values.get(metric), second.values.get(metric)
            if one is None or other is None:
                continue
            same = " (the same logs: it was not measured again)" if first.logs and first.logs == second.logs else ""
            rows.append((words, metric, _word(one), _word(other), f"{_difference(one, other)}{same}"))
    return Section(name, rows, ("values", "metric", "then", "now", "difference") if rows else ())


def _difference(one: Value, other: Value) -> str:
    if isinstance(one.value, (int, float)) and isinstance(other.value, (int, float)) and one.value:
        return f"{other.value / one.value - 1:+.1%}"
    return "not known"


def _words(measurement: Measurement) -> tuple[str, str, str, str]:
    model, system = _word(measurement.model.get("name")), _word(measurement.system.get("name"))
    return model, system, measurement.scenario, measurement.validity or ""


def _marked(title: str, *, sample: bool) -> str:
    return f"{SAMPLE}: {title}" if sample else title


def _word(value: Value | None) -> str:
    if value is None or value.value is None:
        return "-"
    return f"{value.value:.6g}" if isinstance(value.value, float) else str(value.value)


def _order(value: Value | None) -> tuple[int, float, str]:
    if value is None or value.value is None:
        return (2, 0.0, "")
    return (1, 0.0, value.value) if isinstance(value.value, str) else (0, float(value.value), "")
