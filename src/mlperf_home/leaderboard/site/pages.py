"""The pages of a board, each as an address with its text."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.leaderboard.wanted_list import WANTED_FILE
from mlperf_home.leaderboard.answer.export import NOTICE, as_csv, choice_row
from mlperf_home.leaderboard.answer.groups import accuracy_of, group_of
from mlperf_home.leaderboard.answer.recommendation import UNITS, facts
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.front_picture import front_picture
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.index import JudgedResult

_HERE = Path(__file__).parent
_FILES = ("site.css", "site.js")
_MOST_MARKS, _FIRST_MARKS = 400, 150
_FIRST_ROWS = 20
_FED = 50

Page = tuple[str, str]


def pages(data: SiteData) -> Iterator[Page]:
    """Yield all files of the site but the bundles: the address relative to the site, and the text."""
    for name in _FILES:
        yield name, (_HERE / name).read_text(encoding="utf-8")
    rows = [choice_row(each) for each in data.every]
    yield "choices.json", json.dumps(rows, indent=1) + "\n"
    if rows:
        yield "choices.csv", as_csv(rows)
    results = [{**encode(each.result), "judgement": encode(each.judgement), "notice": NOTICE} for each in data.results]
    yield "results.json", json.dumps(results, indent=1) + "\n"
    yield WANTED_FILE, json.dumps(encode(data.wanted_list), indent=1) + "\n"
    yield from _Writer(data).pages()


class _Writer:
    """Fills the templates; all values from outside are escaped."""

    def __init__(self, data: SiteData) -> None:
        self._data = data
        self._env = Environment(
            loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._env.globals |= {
            "data": data, "who": data.who, "page_of": page_of, "facts": facts, "group_of": group_of,
            "accuracy_of": accuracy_of, "units": UNITS,
        }  # fmt: skip
        self._env.filters |= {"shown": printable_name, "amount": _amount}

    def pages(self) -> Iterator[Page]:
        data = self._data
        yield self._page("index.html", "front.html", title="Which CPU, which model?", groups=self._groups())
        yield self._page("feed.xml", "feed.xml", newest=self._newest(), states=_states)
        yield self._page("wanted.html", "wanted.html", title="Results that need another measurement")
        yield self._page("contributors.html", "contributors.html", title="Contributors")
        for group, ranked in data.groups.items():
            yield self._page(
                page_of("ranking", str(group)), "ranking.html", title=str(group),
                rows=list(enumerate(ranked, 1)), picture=front_picture(ranked, data.fronts[group], _MOST_MARKS),
            )  # fmt: skip
        yield from self._subjects()
        by_id = {each.result.id: each for each in data.results}
        for each in data.results:
            title = f"{each.result.model} on {each.result.of.cpu}"
            others = [by_id[name] for name in each.judgement.others if name in by_id]
            yield self._page(page_of("result", each.result.id), "result.html", title=title, each=each, others=others)

    def _groups(self) -> list[dict[str, Any]]:
        """Return what the first page says of each group."""
        found: list[dict[str, Any]] = []
        for group, ranked in self._data.groups.items():
            front = {id(each) for each in self._data.fronts[group]}
            rows = list(enumerate(ranked, 1))
            best = [(rank, each) for rank, each in rows if id(each) in front]
            found.append({
                "group": group, "fastest": ranked[0], "count": len(ranked), "on_front": bool(best),
                "accurate": best[-1][1] if len(best) > 1 else None, "rows": best or rows[:_FIRST_ROWS],
                "measured": sum(each.origin == "measured" for each in ranked),
                "cpus": len({each.key.cpu for each in ranked}), "front_cpus": len({each.key.cpu for _, each in best}),
                "known_cpus": len({each.key.cpu for each in ranked if accuracy_of(each)}),
                "picture": None if found else front_picture(ranked, self._data.fronts[group], _FIRST_MARKS),
            })  # fmt: skip
        return found

    def _newest(self) -> list[tuple[str, list[JudgedResult]]]:
        """Return the bundles that were taken last, with their results."""
        found = _grouped(self._data.results, lambda each: each.result.bundle)
        newest = sorted(self._data.receipts.items(), key=lambda pair: -pair[1].number)
        return [(bundle, found[bundle]) for bundle, _ in newest if bundle in found][:_FED]

    def _subjects(self) -> Iterator[Page]:
        """Yield the pages of CPUs, models, machines and contributors: their choices and results."""
        data = self._data
        by_cpu, by_model = _grouped(data.every, lambda each: each.key.cpu), _grouped(data.every, _model)
        results = {
            "cpu": _grouped(data.results, lambda each: each.result.of.cpu),
            "model": _grouped(data.results, lambda each: each.result.model),
            "machine": _grouped(data.results, lambda each: each.result.machine),
        }
        page = partial(self._page, template="subject.html")
        for cpu, found in by_cpu.items():
            yield page(
                page_of("cpu", cpu), title=cpu, kind="CPU", rows=_numbered(found), results=results["cpu"].get(cpu, [])
            )
        for model, found in by_model.items():
            own = results["model"].get(model, [])
            yield page(page_of("model", model), title=model, kind="model", rows=_numbered(found), results=own)
        for machine, own in results["machine"].items():
            title = f"A machine with {own[0].result.of.cpu}"
            yield page(page_of("machine", machine), title=title, kind="machine", rows=(), results=own)
        for owner, own in data.by_owner.items():
            title = data.who(own[0].result)
            yield page(page_of("contributor", owner), title=title, kind="contributor", rows=(), results=own)

    def _page(self, address: str, template: str, **values: Any) -> Page:
        up = "../" * address.count("/")
        return address, self._env.get_template(template).render(up=up, **values) + "\n"


def _grouped(every: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for each in every:
        found[key(each)].append(each)
    return dict(sorted(found.items()))


def _states(results: Sequence[JudgedResult]) -> list[tuple[str, int]]:
    return sorted(Counter(each.judgement.state for each in results).items())


def _numbered(every: Sequence[RankedChoice]) -> list[tuple[int, RankedChoice]]:
    ranked = sorted(every, key=lambda choice: (group_of(choice), choice.time_ms or float("inf")))
    return list(enumerate(ranked, 1))


def _model(choice: RankedChoice) -> str:
    return choice.key.model


def _amount(choice: RankedChoice, metric: str) -> str:
    """Return a value with three significant figures, and its interval; "" if it is unknown."""
    amount = choice.amounts.get(metric)
    if amount is None:
        return ""
    if amount.low == amount.high:
        return f"{amount.value:.3g}"
    return f"{amount.value:.3g} ({amount.low:.3g} to {amount.high:.3g})"
