"""The page of a result: its values with their origins, its place in its class, its history, and how to repeat it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.leaderboard.answer.choices import choice_key
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.content.table_rows import result_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.site.class_values import Strip
    from mlperf_home.leaderboard.site.drafts import Draft, PageMaker
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.index import JudgedResult

_GROUPS = (
    ("speed", re.compile(r"latency|per_second|_ms$|_ns$|percentile|duration")),
    ("accuracy", re.compile(r"top1|f1|exact|accuracy|dataset")),
    ("energy and cost", re.compile(r"energy|power|price|cost|_mj$|_j$|_w$")),
    ("noise", re.compile(r"nois|state|block|load|temperature|throttl|frequency|migration|switches")),
    ("machine", re.compile(r"memory|open_s|run_s|cores|threads|bytes")),
)
_OTHER = "other"
_NOT_RECORDED = "not recorded"
_MOST_OTHERS = 20


class ShownValue(NamedTuple):
    """A value with its interval and its origin; "" without an interval."""

    name: str
    value: str
    interval: str
    origin: str


class PastVerdict(NamedTuple):
    """A state that a result had since a moment."""

    utc: str
    state: str
    because: str


def result_pages(data: SiteData, maker: PageMaker) -> Iterator[Draft]:
    """Yield the drafts of the pages of all results."""
    marks = data.marks
    for each in data.results:
        name = each.result.id
        others = [marks[other] for other in each.judgement.others[:_MOST_OTHERS] if other in marks]
        own = data.class_values.get(choice_key(each.result))
        challenge = data.receipts[each.result.bundle].challenge
        key = (marks[name], others, own and own.key, challenge, data.history.count(name))
        yield maker.later(page_of("result", name), "result.html", key, partial(_values, data, each))


def _values(data: SiteData, each: JudgedResult) -> dict[str, Any]:
    """Return what the page of a result shows."""
    result = each.result
    others = [data.by_id[name] for name in each.judgement.others[:_MOST_OTHERS] if name in data.by_id]
    return {
        "title": f"{result.model} on {result.of.cpu}",
        "row": result_row(data, each),
        "reasons": each.judgement.reasons,
        "values": _value_groups(result),
        "facts": _facts(result),
        "made": result.made_utc[:10],
        "machine": result.machine,
        "machine_page": page_of("machine", result.machine),
        "place": _place(data, each),
        "history": _history(data, each),
        "challenge": data.receipts[result.bundle].challenge,
        "bundle": result.bundle,
        "receipt": result.receipt,
        "path": result.path,
        "others": [result_row(data, other) for other in others],
    }


def _place(data: SiteData, each: JudgedResult) -> Strip | None:
    """Return the distribution of a result's class with the result marked; None without a speed."""
    time_ms, counts = each.result.speed_ms, each.judgement.state != "withdrawn"
    return data.class_values[choice_key(each.result)].strip(time_ms) if time_ms and counts else None


def _history(data: SiteData, each: JudgedResult) -> tuple[PastVerdict, ...]:
    lines = data.history.of(each.result.id)
    return tuple(
        PastVerdict(line.utc, line.judgement.state, "; ".join(line.judgement.reasons)) for line in reversed(lines)
    )


def _facts(result: BoardResult) -> tuple[tuple[str, str], ...]:
    of = result.of
    facts = (
        *(("cores", of.cores), ("runtime", f"{of.runtime} {of.version}".strip()), ("threads", of.threads)),
        *(("governor", of.governor), ("confined by", of.confined), ("system", result.system)),
        *(("round", result.round), ("LoadGen", result.validity), ("attempts in the bundle", result.runs)),
        *(("noisy", "yes" if result.noisy else ""), ("official", "yes" if result.official else "no")),
    )
    return tuple((name, str(value)) for name, value in facts if value)


def _value_groups(result: BoardResult) -> tuple[tuple[str, tuple[ShownValue, ...]], ...]:
    """Return the values of a result in groups; bounds stand beside their value."""
    metrics = result.metrics
    groups: dict[str, list[ShownValue]] = {name: [] for name in (*(group for group, _ in _GROUPS), _OTHER)}
    for name in sorted(metrics):
        if not _is_bound(name, metrics):
            groups[_group(name)].append(_shown(name, result))
    return tuple((name, tuple(values)) for name, values in groups.items() if values)


def _is_bound(name: str, metrics: Mapping[str, float]) -> bool:
    prefix, _, rest = name.partition("_")
    return prefix in {"low", "high"} and rest in metrics


def _group(name: str) -> str:
    return next((group for group, pattern in _GROUPS if pattern.search(name)), _OTHER)


def _shown(name: str, result: BoardResult) -> ShownValue:
    low, high = result.metrics.get(f"low_{name}"), result.metrics.get(f"high_{name}")
    interval = "" if low is None or high is None else f"{low:.6g} to {high:.6g}"
    return ShownValue(name, f"{result.metrics[name]:.6g}", interval, result.origins.get(name, _NOT_RECORDED))
