"""Experiments as tables: what was measured, metrics worked out from it, fronts, two runs beside each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.answer import read_answer
from mlperf_home.contracts.picture import SAMPLE
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.fronts import USUAL
from mlperf_home.measurements.expression import ExpressionError
from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.pictures.picture import axis
from scriptgraph.embed import Section
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.answer import Standing
    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.experiments.fronts import Front
    from mlperf_home.experiments.grid import Compared
    from mlperf_home.measurements.expression import Expression
    from mlperf_home.measurements.measurement import Measurement

_BY = "dominated by"


def measured_section(
    experiment: Experiment,
    measurements: Sequence[Measurement],
    metrics: Sequence[str],
    order: str,
    derivations: Sequence[str] = (),
) -> Section:
    """Show each measurement in a row: these metrics, or the usual ones of those that are there; derived ones too."""
    there = dict.fromkeys(name for each in measurements for name in each.values)
    usual = [name for name in there if name.startswith("explored_") or name in USUAL]
    shown = list(dict.fromkeys([*(metrics or usual), *derivations]))
    rows = [
        (*_words(each), *(_word(_value_of(each, name)) for name in shown), mark(each))
        for each in sorted(measurements, key=lambda each: _order(_value_of(each, order)))
    ]
    sample = experiment.sample or any(each.sample for each in measurements)
    title = _marked(f"{experiment.name}, {experiment.kind}: {len(rows)} measured", sample=sample)
    return Section(title, rows, ("model", "system", "scenario", "LoadGen", *shown, "") if rows else ())


def check_metrics(option: str, names: Sequence[str], measurements: Sequence[Measurement]) -> None:
    """Check that each name is that of something measured. Raise ExperimentError if nothing has it."""
    there = sorted({name for each in measurements for name in (*each.values, *each.system)})
    for name in names:
        if measurements and name not in there:
            raise ExperimentError(f"--{option}: {name}", "nothing has it", f"there are: {', '.join(there)}")


def derived(
    measurements: Sequence[Measurement], wanted: Mapping[str, Expression], notes: list[str]
) -> list[Measurement]:
    """Add derived metrics; where one cannot be worked out it is unknown, with the reason.

    `notes` takes a sentence for each metric that some measurements do not have.

    Raises:
        ExperimentError: a new name is taken.
        ExpressionError: an expression has a value for no measurement because of how it is written.
    """
    found = list(measurements)
    for name, expression in wanted.items():
        known = [_known(each) for each in found]
        if any(name in each for each in known):
            raise ExperimentError(f"--derive: {name}", "is the name of something measured", "choose another name")
        problems: list[ExpressionError] = []
        values = [_worked_out(expression, each, problems) for each in known]
        if problems and len(problems) == len(values):
            raise problems[0]
        if problems:
            notes.append(f"{name}: {len(problems)} of {len(values)} have none; the first: {problems[0].problem}")
        found = [replace(each, values={**each.values, name: value}) for each, value in zip(found, values, strict=True)]
    return found


def _worked_out(expression: Expression, known: Mapping[str, Value], problems: list[ExpressionError]) -> Value:
    try:
        return expression.value(known)
    except ExpressionError as error:
        problems.append(error)
        return unknown(error.problem)


def _system(measurement: Measurement) -> dict[str, Value]:
    """Return what is known of the machine; its cores are those of all sockets where a result tells those of each."""
    system = dict(measurement.system)
    cores, sockets = (system[name].value if name in system else None for name in ("cores", "sockets"))
    if isinstance(cores, (int, float)) and isinstance(sockets, (int, float)):
        system["cores"] = Value(cores * sockets, "inferred", reason="cores of each socket, times sockets")
    return system


def _known(measurement: Measurement) -> dict[str, Value]:
    """Return what an expression may name; a dot in a name is written as "_" there.

    Cores are the machine's: those that the engine was given are `engine_cores`.
    """
    engine = {f"engine_{name}": value for name, value in measurement.engine.items()}
    # An engine's own names stand where nothing else has them.
    named = {**measurement.engine, **engine, **_system(measurement), **measurement.values}
    return {name.replace(".", "_"): value for name, value in named.items()}


def _value_of(measurement: Measurement, name: str) -> Value | None:
    return measurement.values.get(name, _system(measurement).get(name))


def answer_sections(experiment: Experiment) -> list[Section]:
    """Show an exploration's answer in its three parts. Raise ExperimentError if it cannot be read."""
    try:
        answer = read_answer(experiment.answer)
    except DocumentError as error:
        advice = "run the exploration again; its journal is kept"
        raise ExperimentError(experiment.answer, f"is no answer ({error.fault})", advice) from None
    metrics, work = [each.name for each in answer.metrics], answer.work
    parts = (answer.front, "front", ""), (answer.undecided, "undecided", "with"), (answer.dropped, "dropped", _BY)
    share = f"{work.share:.1%} of what the exhaustive sweep takes"
    said = f"{sum(work.spent_s.values()):.0f} s spent, {share}; at most {work.left_s:.0f} s left"
    title = _marked(f"{experiment.name}: {answer.name} on {answer.system}", sample=answer.sample)
    sections = [_part(*part, metrics) for part in parts]
    return [Section(title), *sections, Section(said), *(Section(each) for each in answer.warnings)]


def _part(standings: Sequence[Standing], name: str, against: str, metrics: Sequence[str]) -> Section:
    rows = []
    for each in standings:
        cells = []
        for metric in metrics:
            value, interval = each.values.get(metric), each.intervals.get(metric)
            between = f" ({interval[0]:.5g} to {interval[1]:.5g})" if value is not None and interval else ""
            cells.append("not known" if value is None else f"{value:.5g}{between}")
        rows.append((each.point, *cells, each.failed or ", ".join(each.against)))
    header = ("point", *(axis(metric).label for metric in metrics), against)
    return Section(f"{name} ({len(rows)})", rows, header if rows else ())


def front_section(experiment: Experiment, found: Front) -> Section:
    """Show the front of one benchmark and scenario."""
    sample = experiment.sample or any(each.sample for each in found.members)
    what = f"{experiment.name}: {found.benchmark}, {found.scenario}"
    left = [f"{found.invalid} INVALID"] if found.invalid else []
    left += [f"{found.lacking} without these metrics"] if found.lacking and found.axes else []
    out = f"; left out: {', '.join(left)}" if left else ""
    if not found.axes:
        return Section(_marked(f"{what}: nothing has a latency or rate and an accuracy{out}", sample=sample))
    names = [each.name for each in found.axes]
    rows = [
        (*_words(each)[:2], *(_word(each.values.get(name)) for name in names), mark(each)) for each in found.members
    ]
    title = _marked(f"{what}: {len(rows)} of {found.compared} are of the front{out}", sample=sample)
    return Section(title, rows, ("model", "system", *(each.words for each in found.axes), "") if rows else ())


def compared_section(name: str, points: Sequence[Compared]) -> Section:
    """Show values of two runs of the same points, and by how much the second differs."""
    rows = []
    for point in points:
        if not point.pairs:
            same = "as then" if ("failed" in point.then) == ("failed" in point.now) else "ended otherwise"
            rows.append((point.words, "ended", point.then, point.now, same))
        for first, second in point.pairs:
            same = " (the same logs: it was not measured again)" if first.logs and first.logs == second.logs else ""
            for metric in [name for name in USUAL if name in first.values and name in second.values]:
                one, other = first.values[metric], second.values[metric]
                change = "not known"
                if isinstance(one.value, (int, float)) and isinstance(other.value, (int, float)) and one.value:
                    change = f"{other.value / one.value - 1:+.1%}"
                rows.append((point.words, metric, _word(one), _word(other), f"{change}{same}"))
    return Section(name, rows, ("values", "metric", "then", "now", "difference") if rows else ())


def _words(measurement: Measurement) -> tuple[str, str, str, str]:
    model, system = _word(measurement.model.get("name")), _word(measurement.system.get("name"))
    return model, system, measurement.scenario, measurement.validity or ""


def mark(made: Experiment | Measurement) -> str:
    """Return the word that marks sample data, or ""."""
    return "sample" if made.sample else ""


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
