"""The pages of CPUs, models, machines and contributors: their choices, distributions and results."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.leaderboard.answer.groups import group_of
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.content.table_rows import ChoiceRow, ResultRow, choice_row, parts, result_row
from mlperf_home.published.classifiers import names_of
from mlperf_home.published.places import RUNTIMES
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.answer.contributors import CreditedContributor
    from mlperf_home.leaderboard.site.class_values import Strip
    from mlperf_home.leaderboard.site.drafts import Draft, PageMaker
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.index import JudgedResult

_RUNTIMES = json.dumps(RUNTIMES)
_NOTHING: dict[str, Any] = {"contributor": None, "sides": ""}


class ClassStrip(NamedTuple):
    """The distribution of a choice on a CPU over contributors."""

    benchmark: str
    scenario: str
    runtime: str
    model: str
    model_page: str
    names: str
    cores: str
    strip: Strip
    times: tuple[str, ...]


def subject_pages(data: SiteData, maker: PageMaker) -> Iterator[Draft]:
    """Yield the drafts of the pages of all CPUs, models, machines and contributors."""
    by_cpu = grouped(data.every, lambda each: each.key.cpu)
    results_by_cpu = grouped(data.results, lambda each: each.result.of.cpu)
    strips = grouped(_strips(data), lambda pair: pair[0])
    for cpu, found in by_cpu.items():
        rows = [*(each for _, each in strips.get(cpu, ())), *numbered(found)]
        extra = {"kind": "CPU", "sides": printable_name(f"cpu:{cpu}")}
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
    first: Sequence[ClassStrip | ChoiceRow],
    results: Sequence[JudgedResult],
    extra: Mapping[str, Any],
) -> Iterator[Draft]:
    """Yield the parts of a page: the rows of `first`, then results; only part 1 has what `extra` names."""
    kind, subject, title = name
    rows = [*first, *(result_row(data, each) for each in results)]
    for part in parts(page_of(kind, subject), rows):
        own = {**_NOTHING, **extra} if part.number == 1 else {**_NOTHING, "kind": extra["kind"]}
        yield maker.draft(
            part.address, "subject.html", title=title, count=len(results), number=part.number, parts=part.parts,
            runtimes=_RUNTIMES,
            strips=[row for row in part.rows if isinstance(row, ClassStrip)],
            choices=[row for row in part.rows if isinstance(row, ChoiceRow)],
            results=[row for row in part.rows if isinstance(row, ResultRow)], **own,
        )  # fmt: skip


def numbered(every: Sequence[RankedChoice]) -> list[ChoiceRow]:
    """Return the rows of choices of several groups, the fastest of each first."""
    ranked = sorted(every, key=lambda choice: (group_of(choice), choice.time_ms or float("inf")))
    return [choice_row(number, each) for number, each in enumerate(ranked, 1)]


def _strips(data: SiteData) -> Iterator[tuple[str, ClassStrip]]:
    for key, values in sorted(data.class_values.items(), key=lambda pair: (pair[0][:4], pair[0].model)):
        yield key.cpu, ClassStrip(
            key.benchmark, key.scenario, key.runtime, key.model, page_of("model", key.model),
            "|".join(names_of(key.model)), str(key.cores or ""), values.strip(), values.shown(),
        )  # fmt: skip


def _contributor(each: CreditedContributor) -> dict[str, Any]:
    return {
        "owner": each.owner, "name": each.name, "link": each.link, "credited": each.credited, "total": each.results,
        "replicated": each.replicated, "disputed": each.disputed, "vouched": each.vouched,
        "badge": page_of("badge", each.owner, "svg"),
    }  # fmt: skip
