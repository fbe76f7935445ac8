"""What steps tell people: an exploration's answer, the README of a result, the models of a sweep that failed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import published_words
from mlperf_home.measurements.table import summary_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.answer import AnswerDocument, Standing
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.api import DependencyFailure

    Rows = list[tuple[str, str]]

_UNITS = {"latency_ms": "ms", "samples_per_second": "samples/s", "top1_percent": "% top-1", "f1_percent": "% F1"}
_PARTS = {"front": "the front", "undecided": "undecided", "dropped": "dropped"}
_NONE = {"front": "nothing is sure yet", "undecided": "all is decided", "dropped": "nothing was dropped"}
_KINDS = {"probe": "probes", "check": "accuracy checks", "official": "official runs"}
_MOST_NAMED = 3
_ALIKE = "as the one above"
# What concerns only the time it was typed, not what was measured.
_NOT_TYPED_AGAIN = {"--rerun", "--regenerate_files", "--regenerate-files", "--quiet", "--out", "-v", "-j"}


def answer_tables(answer: AnswerDocument) -> Iterator[tuple[str, Rows]]:
    """Return title and rows of each table of an answer."""
    sample = "SAMPLE: " if answer.sample else ""
    metrics = [each.name for each in answer.metrics]
    for part, title in _PARTS.items():
        rows = [(each.point, _standing(each, part, metrics)) for each in getattr(answer, part)]
        yield f"{sample}{title} ({len(rows)})", rows or [("no point", _NONE[part])]
    work = answer.work
    rows = [("no MLPerf results", "made with sample data")] if sample else []
    rows += [(_KINDS.get(kind, kind), duration(seconds)) for kind, seconds in work.spent_s.items()]
    spent = f"{work.share:.1%} of it; {work.share_without_official:.1%} without the official runs"
    rows += [("exhaustive sweep", f"{duration(work.exhaustive_s)}, estimated"), ("spent", spent)]
    yield f"{sample}work, intervals at {answer.confidence:.0%}", rows


def duration(seconds: float) -> str:
    """Write a time for people, two units at most."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def metric_text(standing: Standing, name: str) -> str:
    """Write a metric with its interval and unit."""
    unit = _UNITS.get(name, name)
    if name not in standing.values:
        return f"unknown {unit}"
    low, high = standing.intervals.get(name, (None, None))
    value = standing.values[name]
    reach = "" if low is None or low == high else f" ({low:.4g} to {high:.4g})"
    return f"{value:.4g}{reach} {unit}"


def _standing(standing: Standing, part: str, metrics: list[str]) -> str:
    if standing.failed:
        return f"failed: {standing.failed}"
    # What was never measured has no values: a search by proposals leaves such points undecided.
    names = [name for name in metrics if name in standing.values]
    words = [metric_text(standing, name) for name in names] or ["not measured"]
    if standing.official:
        words += [f"official {value:.4g} {_UNITS.get(name, name)}" for name, value in standing.official.items()]
    named = standing.against
    if part == "dropped" and named:
        words.append(f"by {named[0]}")
    elif named:
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        words.append(f"with {', '.join(named[:_MOST_NAMED])}{more}{'; likely front' if standing.likely else ''}")
    if names and part != "dropped":
        words.append(f"accuracy: {standing.accuracy_source}")
    return "; ".join(words)


def readme_text(
    measurement: Measurement, command_line: Sequence[str], model_source: str, published_f1: float | None
) -> str:
    """Write a result's README in Markdown.

    `command_line` is what was typed after `cm run script`; `model_source` may be empty; `published_f1`, in percent, is
    None where the model's makers publish none.
    """
    lines = [f"# {measurement.benchmark}, {measurement.scenario}", ""]
    if measurement.sample:
        lines += ["**This is a sample result: made-up data and a toy model. It is no MLPerf result.**", ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {label} | {value} |" for label, value in summary_rows(measurement)]
    if model_source:
        lines.append(f"| model from | {model_source} |")
    if published_f1 is not None:
        lines.append(f"| F1 published for the model | {published_f1:.3f} % |")
    lines += [f"| Top-1 (%) of the model elsewhere | {words} |" for words in published_words(measurement)]
    command = shlex.join(["cm", "run", "script", *repeated(command_line)])
    lines += ["", "Made with mlperf-home by", "", "```", command, "```", ""]
    return "\n".join(lines)


def repeated(words: Sequence[str]) -> list[str]:
    """Return the words to type to measure the same again."""
    return [word for word in words if word.partition("=")[0] not in _NOT_TYPED_AGAIN]


def failure_rows(failures: Sequence[DependencyFailure]) -> list[tuple[str, str]]:
    """Return name and reason of each model that failed; a reason that is that of the row before is not repeated."""
    rows, before = [], ""
    for each in failures:
        rows.append((each.name, _ALIKE if each.error == before else each.report()))
        before = each.error
    return rows


def failure_words(failures: Sequence[DependencyFailure]) -> str:
    """Return one line with how many failed, and for the first reasons which.

    Of steps that run side by side any may come first to what is wrong: errors are compared without the way to them.
    """
    groups: dict[str, list[DependencyFailure]] = {}
    for each in failures:
        groups.setdefault(each.error, []).append(each)
    told = []
    for first, *more in groups.values():
        names = " and ".join(each.name for each in (first, *more))
        if len(more) >= _MOST_NAMED:
            names = f"{first.name} and {len(more)} others, which the table names"
        told.append(f"{names}: {first.report()}")
    if len(told) > _MOST_NAMED:
        told[_MOST_NAMED:] = [f"{len(told) - _MOST_NAMED} other reasons, which the table names"]
    return f"{len(failures)} of the models failed; the same command tries them again: {'; '.join(told)}"
