"""Reports of steps: the answer of an exploration, the README of a result, the failed models of a sweep."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import published_words
from mlperf_home.measurements.run_times import SESSION_ONLY
from mlperf_home.measurements.table import summary_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.studies.answer import AnswerDocument, Standing
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.api import DependencyFailure

    Rows = list[tuple[str, str]]

_UNITS = {"latency_ms": "ms", "samples_per_second": "samples/s", "top1_percent": "% top-1", "f1_percent": "% F1"}
_PARTS = {"front": "the front", "undecided": "undecided", "dropped": "dropped"}
_NONE = {"front": "no point is certain yet", "undecided": "all points are decided", "dropped": "no point was dropped"}
_KINDS = {"prediction": "probes to predict", "probe": "probes", "check": "accuracy checks", "official": "official runs"}
_MOST_NAMED = 3
_SAME_REASON = "the same as above"
# Options that do not affect the measurement.
_NOT_REPEATED = {"--rerun", "--regenerate_files", "--regenerate-files", "--quiet", "--out", "-v", "-j"}


def answer_tables(answer: AnswerDocument) -> Iterator[tuple[str, Rows]]:
    """Yield the title and rows of each table of an answer."""
    sample = "SAMPLE: " if answer.sample else ""
    metrics = [each.name for each in answer.metrics]
    sources = {each.accuracy_source for each in (*answer.front, *answer.undecided) if each.values and not each.failed}
    for part, title in _PARTS.items():
        rows = [
            (each.point, _standing(each, part, metrics, with_source=len(sources) > 1)) for each in getattr(answer, part)
        ]
        yield f"{sample}{title} ({len(rows)})", rows or [("no point", _NONE[part])]
    work = answer.work
    rows = [("accuracy", source) for source in sources if len(sources) == 1]
    rows += [("no MLPerf results", "made with sample data")] if sample else []
    rows += [("unofficial", "accuracies are copied, not measured")] if answer.without_dataset else []
    rows += [(_KINDS.get(kind, kind), duration(seconds)) for kind, seconds in work.spent_s.items()]
    spent = f"{work.share:.1%} of it; {work.share_without_official:.1%} without the official runs"
    rows += [("exhaustive sweep", f"{duration(work.exhaustive_s)}, estimated"), ("spent", spent)]
    yield f"{sample}work, intervals at {answer.confidence:.0%}, {SESSION_ONLY}", rows


def duration(seconds: float) -> str:
    """Return a duration for people, in at most two units."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def metric_text(standing: Standing, name: str) -> str:
    """Return a metric with its interval and unit, for people."""
    unit = _UNITS.get(name, name)
    if name not in standing.values:
        return f"unknown {unit}"
    low, high = standing.intervals.get(name, (None, None))
    value = standing.values[name]
    interval = "" if low is None or low == high else f" ({low:.4g} to {high:.4g})"
    return f"{value:.4g}{interval} {unit}"


def _standing(standing: Standing, part: str, metrics: list[str], *, with_source: bool) -> str:
    if standing.failed:
        return f"failed: {standing.failed}"
    if standing.left_out:
        return standing.left_out
    # A point without values was never measured: Optuna's searches leave such points undecided.
    names = [name for name in metrics if name in standing.values]
    words = [metric_text(standing, name) for name in names] or ["not measured"]
    if standing.official:
        words += [f"official {value:.4g} {_UNITS.get(name, name)}" for name, value in standing.official.items()]
    others = standing.against
    if part == "dropped" and others:
        words.append(f"by {others[0]}")
    elif others:
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        words.append(f"with {', '.join(others[:_MOST_NAMED])}{more}{'; likely front' if standing.likely else ''}")
        words += ["the machine changes state"] if standing.changing else []
    if names and part != "dropped" and with_source:
        words.append(f"accuracy: {standing.accuracy_source}")
    return "; ".join(words)


def readme_text(
    measurement: Measurement,
    command_line: Sequence[str],
    model_source: str,
    published_f1: float | None,
    picture: str = "",
) -> str:
    """Return the README of a result, in Markdown.

    `command_line` has the words after `cm run script`; `model_source` may be empty; `published_f1`, in percent, is None
    if the authors of the model publish none; `picture` is the file of the run over time, or "".
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
    if picture:
        lines += ["", f"![The timed section over time]({picture})"]
    command = shlex.join(["cm", "run", "script", *repeatable_words(command_line)])
    lines += ["", "Made with mlperf-home by", "", "```", command, "```", ""]
    return "\n".join(lines)


def repeatable_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command line that affect its measurement."""
    return [word for word in words if word.partition("=")[0] not in _NOT_REPEATED]


def failure_rows(failures: Sequence[DependencyFailure]) -> list[tuple[str, str]]:
    """Return the name and the error of each failed model, without repeating the error of the row above."""
    rows, before = [], ""
    for each in failures:
        rows.append((each.name, _SAME_REASON if each.error == before else each.report()))
        before = each.error
    return rows


def failure_summary(failures: Sequence[DependencyFailure]) -> str:
    """Return one line with the number of failed models, and the models of the first reasons.

    Concurrent steps may meet a shared failure in any order, so errors are compared without the steps before them.
    """
    groups: dict[str, list[DependencyFailure]] = {}
    for each in failures:
        groups.setdefault(each.error, []).append(each)
    reasons = []
    for first, *more in groups.values():
        names = " and ".join(each.name for each in (first, *more))
        if len(more) >= _MOST_NAMED:
            names = f"{first.name} and {len(more)} others in the table"
        reasons.append(f"{names}: {first.report()}")
    if len(reasons) > _MOST_NAMED:
        reasons[_MOST_NAMED:] = [f"{len(reasons) - _MOST_NAMED} other reasons in the table"]
    return f"{len(failures)} of the models failed; the same command tries them again: {'; '.join(reasons)}"
