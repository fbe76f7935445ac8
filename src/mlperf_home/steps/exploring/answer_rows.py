"""An exploration's answer as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Rows = list[tuple[str, str]]

_UNITS = {"latency_ms": "ms", "samples_per_second": "samples/s", "top1_percent": "% top-1", "f1_percent": "% F1"}
_PARTS = {"front": "the front", "undecided": "undecided", "dropped": "dropped"}
_NONE = {"front": "nothing is sure yet", "undecided": "all is decided", "dropped": "nothing was dropped"}
_MOST_NAMED = 3


def answer_tables(answer: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """Return title and rows of each table, from answer.json."""
    sample = "SAMPLE: " if answer["sample"] else ""
    metrics = [each["name"] for each in answer["metrics"]]
    for part, title in _PARTS.items():
        rows = [(each["point"], _standing(each, part, metrics)) for each in answer[part]]
        yield f"{sample}{title} ({len(rows)})", rows or [("no point", _NONE[part])]
    rows = _work(answer["work"])
    if sample:
        rows.insert(0, ("no MLPerf results", "made with sample data"))
    yield f"{sample}work, intervals at {answer['confidence']:.0%}", rows


def duration(seconds: float) -> str:
    """Write a time for people, two units at most."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def metric_text(standing: Mapping[str, Any], name: str) -> str:
    """Write a metric with its interval and unit."""
    unit = _UNITS.get(name, name)
    if name not in standing["values"]:
        return f"unknown {unit}"
    low, high = standing["intervals"].get(name, (None, None))
    value = standing["values"][name]
    reach = "" if low is None or low == high else f" ({low:.4g} to {high:.4g})"
    return f"{value:.4g}{reach} {unit}"


def _standing(standing: Mapping[str, Any], part: str, metrics: list[str]) -> str:
    if standing["failed"]:
        return f"failed: {standing['failed'].rpartition('; the ')[0] or standing['failed']}"
    # What was never measured has no values: a search by proposals leaves such points undecided.
    names = [name for name in metrics if name in standing["values"]]
    words = [metric_text(standing, name) for name in names] or ["not measured"]
    if standing["official"]:
        words += [f"official {value:.4g} {_UNITS.get(name, name)}" for name, value in standing["official"].items()]
    named = standing["against"]
    if part == "dropped" and named:
        words.append(f"by {named[0]}")
    elif named:
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        words.append(f"with {', '.join(named[:_MOST_NAMED])}{more}{'; likely front' if standing['likely'] else ''}")
    if names and part != "dropped":
        words.append(f"accuracy: {standing['accuracy_source']}")
    return "; ".join(words)


def _work(work: Mapping[str, Any]) -> Rows:
    kinds = {"probe": "probes", "check": "accuracy checks", "official": "official runs"}
    rows = [(kinds.get(kind, kind), duration(seconds)) for kind, seconds in work["spent_s"].items()]
    spent = f"{work['share']:.1%} of it; {work['share_without_official']:.1%} without the official runs"
    return [*rows, ("exhaustive sweep", f"{duration(work['exhaustive_s'])}, estimated"), ("spent", spent)]
