"""The pages of CPUs, models, machines and contributors: their choices, distributions and results."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mlperf_home.leaderboard.answer.groups import group_of
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.content.table_rows import choice_row, parts, result_row
from mlperf_home.leaderboard.store.index import JudgedResult
from mlperf_home.published.classifiers import names_of
from mlperf_home.published.places import RUNTIMES
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mlperf_home.leaderboard.answer.choices import ChoiceKey, RankedChoice
    from mlperf_home.leaderboard.answer.contributors import CreditedContributor
    from mlperf_home.leaderboard.site.class_values import ClassValues
    from mlperf_home.leaderboard.site.drafts import Draft, PageMaker
    from mlperf_home.leaderboard.site.site_data import SiteData

_RUNTIMES = json.dumps(RUNTIMES)
_NOTHING: dict[str, Any] = {"contributor": None, "sides": ""}


@dataclass(frozen=True)
class ClassStrip:
    """The distribution of a choice over contributors."""

    of: ChoiceKey
    values: ClassValues

    @property
    def key(self) -> object:
        """What its text depends on."""
        return self.of, self.values.key


SubjectRow: TypeAlias = "ClassStrip | tuple[int, RankedChoice] | JudgedResult"


def subject_pages(data: SiteData, maker: PageMaker) -> Iterator[Draft]:
    """Yield the drafts of the pages of all CPUs, models, machines and contributors."""
    by_cpu = grouped(data.every, lambda each: each.key.cpu)
    results_by_cpu = grouped(data.results, lambda each: each.result.of.cpu)
    strips = grouped(_strips(data), lambda each: each.of.cpu)
    for cpu, found in by_cpu.items():
        rows = [*strips.get(cpu, ()), *numbered(found)]
        extra: dict[str, Any] = {"kind": "CPU", "sides": printable_name(f"cpu:{cpu}")}
        yield from _pages(data, maker, ("cpu", cpu, cpu), rows, results_by_cpu.get(cpu, []), extra)
    results_by_model = grouped(data.results, lambda each: each.result.model)
    for model, found in grouped(data.every, lambda each: each.key.model).items():
        own = results_by_model.get(model, [])
        yield from _pages(data, maker, ("model", model, model), numbered(found), own, {"kind": "model"})
    for machine, own in grouped(data.results, lambda each: each.result.machine).items():
        name = f"A machine with {own[0].result.of.cpu}"
        extra = {"kind": "machine", "sides": printable_name(f"machine:{machine}")}
        yield from _pages(data, maker, ("machine", machine, name), (), own, extra)
    credited = {each.owner: each for each in data.contributors}
    for owner, own in data.by_owner.items():
        facts = _contributor(credited[owner])
        extra = {"kind": "contributor", "contributor": facts}
        yield from _pages(data, maker, ("contributor", owner, data.who(own[-1].result)), (), own, extra)
        yield maker.draft(facts["badge"], "badge.svg", **facts)


def grouped(every: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    """Return things by a name, in the order of the names."""
    found: dict[str, list[Any]] = defaultdict(list)
    for each in every:
        found[key(each)].append(each)
    return dict(sorted(found.items()))


def _pages(
    data: SiteData,
    maker: PageMaker,
    name: tuple[str, str, str],
    first: Sequence[SubjectRow],
    results: Sequence[JudgedResult],
    extra: Mapping[str, Any],
) -> Iterator[Draft]:
    """Yield the parts of a page: the rows of `first`, then results; only part 1 has what `extra` names."""
    kind, subject, title = name
    for part in parts(page_of(kind, subject), [*first, *results]):
        own = {**_NOTHING, **extra} if part.number == 1 else {**_NOTHING, "kind": extra["kind"]}
        own |= {"title": title, "count": len(results), "number": part.number, "parts": part.parts}
        key = (own, [_mark(data, row) for row in part.rows])
        yield maker.later(part.address, "subject.html", key, partial(_values, data, part.rows, own))


def _mark(data: SiteData, row: SubjectRow) -> object:
    """Return what a row's text depends on."""
    if isinstance(row, ClassStrip):
        return row.key
    if isinstance(row, JudgedResult):
        return data.marks[row.result.id]
    return row[0], data.choice_marks[id(row[1])]


def _values(data: SiteData, rows: Sequence[SubjectRow], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a part of a page shows."""
    return {
        **own,
        "runtimes": _RUNTIMES,
        "strips": [_strip(row) for row in rows if isinstance(row, ClassStrip)],
        "choices": [choice_row(*row) for row in rows if isinstance(row, tuple)],
        "results": [result_row(data, row) for row in rows if isinstance(row, JudgedResult)],
    }


def numbered(every: Sequence[RankedChoice]) -> list[tuple[int, RankedChoice]]:
    """Return choices of several groups with their numbers, the fastest of each group first."""
    ranked = sorted(every, key=lambda choice: (group_of(choice), choice.time_ms or float("inf")))
    return list(enumerate(ranked, 1))


def _strips(data: SiteData) -> list[ClassStrip]:
    every = sorted(data.class_values.items(), key=lambda pair: (pair[0][:4], pair[0].model))
    return [ClassStrip(key, values) for key, values in every]


def _strip(row: ClassStrip) -> dict[str, Any]:
    of = row.of
    return {
        "benchmark": of.benchmark, "scenario": of.scenario, "runtime": of.runtime, "model": of.model,
        "model_page": page_of("model", of.model), "names": "|".join(names_of(of.model)), "cores": of.cores or "",
        "strip": row.values.strip(), "times": row.values.shown(),
    }  # fmt: skip


def _contributor(each: CreditedContributor) -> dict[str, Any]:
    return {
        "owner": each.owner, "name": each.name, "link": each.link, "credited": each.credited,
        "latency_only": each.latency_only, "total": each.results, "replicated": each.replicated,
        "disputed": each.disputed, "vouched": each.vouched, "badge": page_of("badge", each.owner, "svg"),
    }  # fmt: skip
