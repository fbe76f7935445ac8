"""The first page: the answer in words, the front as picture and table, and the other rankings."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mlperf_home.leaderboard.answer.groups import accuracy_of
from mlperf_home.leaderboard.answer.recommendation import facts
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.columns import axes_of
from mlperf_home.leaderboard.site.content.front_picture import front_picture
from mlperf_home.leaderboard.site.content.list_pages import MARKS
from mlperf_home.leaderboard.site.content.table_rows import ROWS, choice_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.answer.groups import Group
    from mlperf_home.leaderboard.site.drafts import Draft, PageMaker
    from mlperf_home.leaderboard.site.site_data import SiteData

_FIRST_ROWS = 20


def front_page(data: SiteData, maker: PageMaker) -> Draft:
    """Return the draft of the first page."""
    groups = list(data.groups.items())
    return maker.draft(
        "index.html", "front.html",
        title="Which CPU, which model?",
        top=_top(data, *groups[0]) if groups else None,
        others=[_other(group, ranked) for group, ranked in groups[1:]],
        axes=[axis._asdict() for axis in axes_of(data.every)],
        parquet=bool(find_spec("pyarrow")),
        currency=data.extras.prices.currency if data.extras.prices else "",
        count=len(data.results),
        cpus=len({each.result.of.cpu for each in data.results}),
        machines=len({each.result.machine for each in data.results}),
        contributors=len(data.by_owner),
        updated=data.updated,
        wanted=len(data.wanted),
    )  # fmt: skip


def _top(data: SiteData, group: Group, ranked: Sequence[RankedChoice]) -> dict[str, Any]:
    """Return what the page says of its first group."""
    front = {id(each) for each in data.fronts[group]}
    rows = list(enumerate(ranked, 1))
    best = [(rank, each) for rank, each in rows if id(each) in front]
    return {
        "group": str(group),
        "page": page_of("ranking", str(group)),
        "count": len(ranked),
        "fastest": _words(ranked[0]),
        "accurate": _words(best[-1][1]) if len(best) > 1 else "",
        "front_cpus": len({each.key.cpu for _, each in best}),
        "known_cpus": len({each.key.cpu for each in ranked if accuracy_of(each)}),
        "on_front": bool(best),
        "rows": [choice_row(rank, each) for rank, each in (best[:ROWS] or rows[:_FIRST_ROWS])],
        "picture": front_picture(ranked, data.fronts[group], MARKS),
    }


def _other(group: Group, ranked: Sequence[RankedChoice]) -> dict[str, Any]:
    return {
        "group": str(group),
        "page": page_of("ranking", str(group)),
        "measured": sum(each.origin == "measured" for each in ranked),
        "count": len(ranked),
        "cpus": len({each.key.cpu for each in ranked}),
        "fastest": _words(ranked[0]),
    }


def _words(choice: RankedChoice) -> str:
    return f"{choice.key.cpu} with {choice.key.model} ({facts(choice)})"
