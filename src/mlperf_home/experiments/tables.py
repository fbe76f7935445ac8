"""Experiments as tables: measurements, derived metrics, fronts, and comparisons of two runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.picture import SAMPLE
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.fronts import USUAL
from mlperf_home.measurements.expression import ExpressionError
from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.measurements.run_times import SESSION_ONLY
from mlperf_home.pictures.picture import axis
from scriptgraph.embed import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.studies.answer import AnswerDocument, Standing
    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.experiments.fronts import Front
    from mlperf_home.experiments.grid import TrialComparison
    from mlperf_home.measurements.expression import Expression
    from mlperf_home.measurements.measurement import Measurement

# More are a mistake of a table, and no count that a database holds.
_MOST_CORES = 1 << 53


def measured_section(
    experiment: Experiment,
    measurements: Sequence[Measurement],
    metrics: Sequence[str],
    order: str,
    derivations: Sequence[str] = (),
) -> Section:
    """Return a table with a row for each measurement: these metrics, else the usual ones, and the derived ones."""
    known = dict.fromkeys(name for each in measurements for name in each.values)
    usual = [name for name in known if name.startswith("explored_") or name in USUAL]
    shown = list(dict.fromkeys([*(metrics or usual), *derivations]))
    rows = [
        (*_labels(each), *(_text(_value_of(each, name)) for name in shown), sample_mark(each))
        for each in sorted(measurements, key=lambda each: _order(_value_of(each, order)))
    ]
    sample = experiment.sample or any(each.sample for each in measurements)
    title = _marked(f"{experiment.name}, {experiment.kind}: {len(rows)} measured", sample=sample)
    return Section(title, rows, ("model", "system", "scenario", "LoadGen", *shown, "") if rows else ())


def check_metrics(option: str, names: Sequence[str], measurements: Sequence[Measurement]) -> None:
    """Raise ExperimentError if no measurement has one of the metrics."""
    known = sorted({name for each in measurements for name in (*each.values, *each.system)})
    for name in names:
        if measurements and name not in known:
            advice = f"use one of {', '.join(known)}"
            raise ExperimentError(f"--{option}: {name}", "no measurement has this metric", advice)


def add_derived(
    measurements: Sequence[Measurement], expressions: Mapping[str, Expression], notes: list[str]
) -> list[Measurement]:
    """Return the measurements with derived metrics; a metric without a value is unknown, with the reason.

    `notes` takes a sentence for each metric that some measurements do not have.

    Raises:
        ExperimentError: a measured metric has the same name.
        ExpressionError: an expression has no value for any measurement.
    """
    derived = list(measurements)
    for name, expression in expressions.items():
        known = [_known(each) for each in derived]
        if any(name in each for each in known):
            raise ExperimentError(f"--derive: {name}", "is the name of a measured metric", "choose another name")
        problems: list[ExpressionError] = []
        values = [_evaluate(expression, each, problems) for each in known]
        if problems and len(problems) == len(values):
            raise problems[0]
        if problems:
            notes.append(f"{name}: {len(problems)} of {len(values)} have no value; the first: {problems[0].problem}")
        derived = [replace(m, values={**m.values, name: value}) for m, value in zip(derived, values, strict=True)]
    return derived


def _evaluate(expression: Expression, known: Mapping[str, Value], problems: list[ExpressionError]) -> Value:
    try:
        return expression.value(known)
    except ExpressionError as error:
        problems.append(error)
        return unknown(error.problem)


def _system(measurement: Measurement) -> dict[str, Value]:
    """Return the facts of the system; `cores` counts all sockets if the cores of each socket are known."""
    system = dict(measurement.system)
    cores, sockets = (system[name].number if name in system else None for name in ("cores", "sockets"))
    if cores is not None and sockets is not None and abs(cores * sockets) < _MOST_CORES:
        count = int(cores * sockets) if (cores * sockets).is_integer() else cores * sockets
        system["cores"] = Value(count, "inferred", reason="cores of each socket, times sockets")
    return system


def _known(measurement: Measurement) -> dict[str, Value]:
    """Return the values that an expression may name, with "_" for each dot in a name.

    `cores` are the system's cores; the cores of the engine are `engine_cores`.
    """
    engine = {f"engine_{name}": value for name, value in measurement.engine.items()}
    # A plain engine name applies only if no other value has that name.
    values = {**measurement.engine, **engine, **_system(measurement), **measurement.values}
    return {name.replace(".", "_"): value for name, value in values.items()}


def _value_of(measurement: Measurement, name: str) -> Value | None:
    return measurement.values.get(name, _system(measurement).get(name))


def answer_sections(experiment: Experiment, answer: AnswerDocument) -> list[Section]:
    """Return the tables of an exploration's answer."""
    metrics, work = [each.name for each in answer.metrics], answer.work
    share = f"{work.share:.1%} of the exhaustive sweep's time"
    times = f"{sum(work.spent_s.values()):.0f} s spent, {share}; at most {work.left_s:.0f} s left"
    title = _marked(f"{experiment.name}: {answer.name} on {answer.system}", sample=answer.sample)
    times += f"; intervals at {answer.confidence:.0%}, {SESSION_ONLY}"
    times += "; accuracies are copied: unofficial" if answer.without_dataset else ""
    sections = [
        _part(answer.front, "front", "", metrics),
        _part(answer.undecided, "undecided", "with", metrics),
        _part(answer.dropped, "dropped", "dominated by", metrics),
    ]
    return [Section(title), *sections, Section(times), *(Section(each) for each in answer.warnings)]


def _part(standings: Sequence[Standing], name: str, against: str, metrics: Sequence[str]) -> Section:
    rows = []
    for each in standings:
        cells = []
        for metric in metrics:
            value, interval = each.values.get(metric), each.intervals.get(metric)
            bounds = f" ({interval[0]:.5g} to {interval[1]:.5g})" if value is not None and interval else ""
            cells.append("unknown" if value is None else f"{value:.5g}{bounds}")
        rows.append((each.point, *cells, each.failed or each.left_out or ", ".join(each.against)))
    header = ("point", *(axis(metric).label for metric in metrics), against)
    return Section(f"{name} ({len(rows)})", rows, header if rows else ())


def front_section(experiment: Experiment, front: Front) -> Section:
    """Return the table of one front."""
    sample, of = experiment.sample or front.of.sample, front.of
    prefix = f"{experiment.name}: {', '.join(filter(None, (of.benchmark, of.scenario, of.dataset)))}"
    reasons = [f"{front.invalid} INVALID"] if front.invalid else []
    reasons += [f"{front.lacking} without these metrics"] if front.lacking and front.axes else []
    left_out = f"; left out: {', '.join(reasons)}" if reasons else ""
    if not front.axes:
        title = f"{prefix}: no measurement has a latency or rate and an accuracy{left_out}"
        return Section(_marked(title, sample=sample))
    names = [each.name for each in front.axes]
    rows = [
        (*_labels(each)[:2], *(_text(each.values.get(name)) for name in names), sample_mark(each))
        for each in front.members
    ]
    title = _marked(f"{prefix}: {len(rows)} of {front.compared} are on the front{left_out}", sample=sample)
    return Section(title, rows, ("model", "system", *(each.caption for each in front.axes), "") if rows else ())


def compared_section(name: str, comparisons: Sequence[TrialComparison]) -> Section:
    """Return a table with the values of two runs of the same trials, and their relative differences."""
    rows = []
    for trial in comparisons:
        if not trial.pairs:
            same = "the same" if ("failed" in trial.then) == ("failed" in trial.now) else "different"
            rows.append((trial.words, "result", trial.then, trial.now, same))
        for first, second in trial.pairs:
            same = " (the same logs; not measured again)" if first.logs and first.logs == second.logs else ""
            for metric in [name for name in USUAL if name in first.values and name in second.values]:
                old, new = first.values[metric], second.values[metric]
                change = "unknown"
                if old.number and new.number is not None:
                    change = f"{new.number / old.number - 1:+.1%}"
                rows.append((trial.words, metric, _text(old), _text(new), f"{change}{same}"))
    return Section(name, rows, ("values", "metric", "then", "now", "difference") if rows else ())


def _labels(measurement: Measurement) -> tuple[str, str, str, str]:
    model, system = _text(measurement.model.get("name")), _text(measurement.system.get("name"))
    return model, system, measurement.scenario, measurement.validity or ""


def sample_mark(made: Experiment | Measurement) -> str:
    """Return "sample" for sample data, else ""."""
    return "sample" if made.sample else ""


def _marked(title: str, *, sample: bool) -> str:
    return f"{SAMPLE}: {title}" if sample else title


def _text(value: Value | None) -> str:
    if value is None or value.value is None:
        return "-"
    return f"{value.value:.6g}" if isinstance(value.value, float) else str(value.value)


def _order(value: Value | None) -> tuple[int, float, str]:
    if value is None or value.value is None:
        return (2, 0.0, "")
    return (1, 0.0, str(value.value)) if value.number is None else (0, value.number, "")
