"""Rows of the tables: plain values for the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from mlperf_home.contracts.leaderboard.results import LATENCY_ONLY
from mlperf_home.leaderboard.answer.choices import SPEEDS
from mlperf_home.leaderboard.answer.groups import accuracy_of, group_of
from mlperf_home.leaderboard.answer.recommendation import UNITS
from mlperf_home.leaderboard.site.addresses import page_of, part_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.index import JudgedResult

ROWS = 100
"""The most rows of a page: more would make it longer than 100 kB."""

_RATES = {"samples_per_second": "samples/s", "queries_per_second": "queries/s", "latency_ms": "ms"}
_Row = TypeVar("_Row")


class ChoiceRow(NamedTuple):
    """A choice in a table; addresses are relative to the site."""

    rank: int
    group: str
    group_page: str
    cpu: str
    cpu_page: str
    cores: str
    model: str
    model_page: str
    speed: str
    accuracy: str
    origin: str
    state: str
    also: str
    contributors: str


class ListedResult(NamedTuple):
    """A result in a table; addresses are relative to the site."""

    id: str
    page: str
    subject: str
    model: str
    model_page: str
    cpu: str
    cpu_page: str
    speed: str
    who: str
    owner_page: str
    state: str
    also: str
    because: str


class PageLink(NamedTuple):
    """A part of a page that is too long for one file."""

    number: int
    address: str


@dataclass(frozen=True)
class PagePart(Generic[_Row]):
    """The rows of one part, with links to the others."""

    number: int
    address: str
    rows: Sequence[_Row]
    parts: tuple[PageLink, ...]


def choice_row(rank: int, choice: RankedChoice) -> ChoiceRow:
    """Return the row of a choice."""
    key, accuracy = choice.key, accuracy_of(choice)
    group = str(group_of(choice))
    copied = " (copied)" if choice.latency_only else ""
    return ChoiceRow(
        rank=rank,
        group=group,
        group_page=page_of("ranking", group),
        cpu=key.cpu,
        cpu_page=page_of("cpu", key.cpu),
        cores=str(key.cores or ""),
        model=key.model,
        model_page=page_of("model", key.model),
        speed=_speed(choice),
        accuracy=f"{accuracy[1]:.4g} {UNITS[accuracy[0]]}{copied}" if accuracy else "",
        origin=choice.origin,
        state=choice.state if choice.origin == "measured" else choice.origin,
        also=LATENCY_ONLY if choice.origin == "measured" and choice.latency_only else "",
        contributors=str(choice.contributors) if choice.origin == "measured" else "",
    )


def _speed(choice: RankedChoice) -> str:
    """Return the speed with three significant figures, and its interval."""
    metric = next((name for name in SPEEDS if name in choice.amounts), None)
    if metric is None:
        return "unknown"
    amount = choice.amounts[metric]
    reach = "" if amount.low == amount.high else f" ({amount.low:.3g} to {amount.high:.3g})"
    return f"{amount.value:.3g}{reach} {_RATES[metric]}"


def result_row(data: SiteData, each: JudgedResult) -> ListedResult:
    """Return the row of a result."""
    result = each.result
    time_ms = result.speed_ms
    return ListedResult(
        id=result.id,
        page=page_of("result", result.id),
        subject=f"{result.benchmark}, {result.scenario}, {result.of.runtime}",
        model=result.model,
        model_page=page_of("model", result.model),
        cpu=result.of.cpu,
        cpu_page=page_of("cpu", result.of.cpu),
        speed=f"{time_ms:.3g} ms" if time_ms else "",
        who=data.who(result),
        owner_page=page_of("contributor", data.owners[result.id]),
        state=each.judgement.state,
        also=LATENCY_ONLY if result.kind == LATENCY_ONLY else "",
        because="; ".join(each.judgement.reasons),
    )


def parts(address: str, rows: Sequence[_Row], most: int = ROWS) -> Iterator[PagePart[_Row]]:
    """Yield the parts of a page with many rows; there is always one."""
    count = max(1, -(-len(rows) // most))
    links = tuple(PageLink(number, part_of(address, number)) for number in range(1, count + 1)) if count > 1 else ()
    for number in range(1, count + 1):
        yield PagePart(number, part_of(address, number), rows[(number - 1) * most : number * most], links)
