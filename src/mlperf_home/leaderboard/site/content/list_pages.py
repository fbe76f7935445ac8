"""Pages that list: rankings, CPUs, models, contributors, what is wanted, the feeds; and pages without data."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.leaderboard.judging import STATES
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.content.front_picture import front_picture
from mlperf_home.leaderboard.site.content.subject_pages import grouped
from mlperf_home.leaderboard.site.content.table_rows import choice_row, parts, result_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.answer.groups import Group
    from mlperf_home.leaderboard.site.content.table_rows import PagePart
    from mlperf_home.leaderboard.site.drafts import Draft, PageMaker
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.index import JudgedResult

MARKS = 120
"""The most marks of a picture in a page: more would make it longer than 100 kB."""
_FED = 50
_NAMES = 400
_RUNS, _PLACES = 100, 3


def list_pages(data: SiteData, maker: PageMaker) -> Iterator[Draft]:
    """Yield the drafts of all lists."""
    yield from _rankings(data, maker)
    yield from _names(maker, "cpus.html", "CPUs", "cpu", _counts(data.every, lambda each: each.key.cpu))
    yield from _names(maker, "models.html", "Models", "model", _counts(data.every, lambda each: each.key.model))
    credited = [(each, page_of("contributor", each.owner)) for each in data.contributors]
    rows = [
        (page, each.name, each.credited, each.latency_only, each.replicated, each.disputed, each.results, each.vouched)
        for each, page in credited
    ]
    for part in parts("contributors.html", rows, _NAMES):
        yield maker.draft(part.address, "contributors.html", title="Contributors", rows=part.rows, parts=part.parts,
                          number=part.number)  # fmt: skip
    for many in parts("wanted.html", data.wanted):
        own = {"title": "Results that need another measurement", "parts": many.parts, "number": many.number,
               "count": len(data.wanted), "runs": _runs(data) if many.number == 1 else ()}  # fmt: skip
        key = (own, [data.marks[each.result.id] for each in many.rows])
        yield maker.later(many.address, "wanted.html", key, partial(_with_results, data, many.rows, own))
    yield maker.draft("feed.xml", "feed.xml", updated=data.updated, newest=_newest(data))
    yield maker.draft("wanted.xml", "wanted.xml", updated=data.updated, wanted=_wanted(data))
    yield maker.draft("versus.html", "versus.html", title="Head to head")
    yield maker.draft("trust.html", "trust.html", title="What may be believed")


def _runs(data: SiteData) -> tuple[dict[str, Any], ...]:
    """Return what volunteers' machines can settle, the greatest gain first."""
    return tuple(
        {
            "gain": run.gain, "places": tuple((place.model, place.because) for place in run.places[:_PLACES]),
            "challenge": run.challenge, "workflow": run.workflow, "cpu": run.of.cpu, "cores": run.of.cores or "",
            "runtime": run.of.runtime, "results": run.results, "hours": run.hours, "credit": run.credit,
        }
        for run in data.wanted_list.runs[:_RUNS]
    )  # fmt: skip


def _rankings(data: SiteData, maker: PageMaker) -> Iterator[Draft]:
    for group, ranked in data.groups.items():
        query = {"benchmark": group.benchmark, "scenario": group.scenario, "runtime": group.runtime}
        every = [(rank, data.choice_marks[id(each)]) for rank, each in enumerate(ranked, 1)]
        for part in parts(page_of("ranking", str(group)), list(enumerate(ranked, 1))):
            own = {"title": str(group), "parts": part.parts, "number": part.number, "query": query}
            key = (own, every if part.number == 1 else every[part.rows[0][0] - 1 : part.rows[-1][0]])
            yield maker.later(part.address, "ranking.html", key, partial(_ranking, data, group, part, own))


def _ranking(data: SiteData, group: Group, part: PagePart[tuple[int, RankedChoice]], own: Mapping[str, Any]) -> Any:
    picture = front_picture(data.groups[group], data.fronts[group], MARKS) if part.number == 1 else None
    return {**own, "picture": picture, "rows": [choice_row(*row) for row in part.rows]}


def _with_results(data: SiteData, rows: Sequence[JudgedResult], own: Mapping[str, Any]) -> dict[str, Any]:
    return {**own, "rows": [result_row(data, each) for each in rows]}


def _counts(every: Sequence[RankedChoice], name: Callable[[RankedChoice], str]) -> list[tuple[str, int, int, int]]:
    """Return names with the numbers of choices, of measured ones, and of measured CPUs or models."""
    rows = []
    for text, own in grouped(every, name).items():
        measured = [each for each in own if each.origin == "measured"]
        rows.append((text, len(own), len(measured), max((each.contributors for each in measured), default=0)))
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def _names(
    maker: PageMaker, address: str, title: str, kind: str, rows: Sequence[tuple[str, int, int, int]]
) -> Iterator[Draft]:
    for part in parts(address, [(page_of(kind, row[0]), *row) for row in rows], _NAMES):
        yield maker.draft(part.address, "names.html", title=title, rows=part.rows, parts=part.parts,
                          number=part.number)  # fmt: skip


def _newest(data: SiteData) -> list[dict[str, Any]]:
    """Return the bundles that were taken last, with the states of their results."""
    return _entries(data, data.results)


def _entries(data: SiteData, results: Sequence[JudgedResult]) -> list[dict[str, Any]]:
    found = grouped(results, lambda each: each.result.bundle)
    newest = sorted(
        (bundle for bundle in data.receipts if bundle in found), key=lambda each: -data.receipts[each].number
    )
    return [_entry(data, bundle, found[bundle]) for bundle in newest[:_FED]]


def _entry(data: SiteData, bundle: str, own: Sequence[JudgedResult]) -> dict[str, Any]:
    counts = Counter(each.judgement.state for each in own)
    states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    first, receipt = own[0].result, data.receipts[bundle]
    return {
        "bundle": bundle, "count": len(own), "cpu": first.of.cpu, "who": data.who(first), "states": states,
        "taken_utc": receipt.taken_utc, "challenge": receipt.challenge, "page": page_of("machine", first.machine),
    }  # fmt: skip


def _wanted(data: SiteData) -> list[dict[str, Any]]:
    """Return bundles with results that need another measurement, the newest first, with the command that settles them.

    A replay of a bundle measures all of its results again.
    """
    return _entries(data, data.wanted)
