"""The data of the pages' scripts: choices and results in columns, with each text once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.leaderboard.site.addresses import page_of
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.site.site_data import SiteData


class ChoiceAxis(NamedTuple):
    """A number of a choice that an axis, a bound or a column can show.

    Attributes:
        name: its metric, or "cores".
        label: its name for people.
        unit: its unit, after a number.
        less: whether less is better.
        best: what the best choice is called.
        scale: what the metric is divided by.
    """

    name: str
    label: str
    unit: str
    less: bool
    best: str
    scale: float = 1.0


AXES = (
    ChoiceAxis("latency_ms", "latency", "ms", True, "fastest"),
    ChoiceAxis("samples_per_second", "throughput", "samples/s", False, "fastest"),
    ChoiceAxis("queries_per_second", "throughput", "queries/s", False, "fastest"),
    ChoiceAxis("top1_percent", "top-1", "%", False, "most accurate"),
    ChoiceAxis("f1_percent", "F1", "%", False, "most accurate"),
    ChoiceAxis("cores", "cores", "", True, "smallest"),
    ChoiceAxis("peak_memory_bytes", "memory", "MB", True, "leanest", 1e6),
    ChoiceAxis("energy_per_sample_j", "energy", "J a sample", True, "thriftiest"),
    ChoiceAxis("price_per_hour", "price", "an hour", True, "cheapest to rent"),
    ChoiceAxis("cost_per_million", "cost", "a million", True, "cheapest"),
)


def axes_of(every: Sequence[RankedChoice]) -> list[ChoiceAxis]:
    """Return the axes that choices have values for."""
    return [axis for axis in AXES if any(_number(each, axis) is not None for each in every)]


def choice_script(data: SiteData) -> str:
    """Return all choices as a script: the pages work from a disk, where a script may read no other file."""
    every = [each for ranked in data.groups.values() for each in ranked]
    columns: dict[str, Any] = {
        name: _coded(str(getattr(each.key, name)) for each in every)
        for name in ("benchmark", "scenario", "runtime", "cpu", "model")
    }
    columns |= {name: _coded(getattr(each, name) for each in every) for name in ("origin", "state")}
    columns |= {name: [getattr(each, name) for each in every] for name in ("contributors", "machines")}
    raw = {name: columns[name]["texts"] for name in ("cpu", "model")}
    document = {
        "axes": [axis._asdict() for axis in axes_of(every)],
        "groups": [[*map(printable_name, group[:3]), page_of("ranking", str(group))] for group in data.groups],
        "pages": {name: [page_of(name, text) for text in texts] for name, texts in raw.items()},
        "currency": data.extras.prices.currency if data.extras.prices else "",
        "columns": {name: _shown(column) for name, column in columns.items()},
        "numbers": {axis.name: _numbers(every, axis) for axis in axes_of(every)},
    }
    return _script("CHOICES", document)


def result_script(data: SiteData) -> str:
    """Return the times of all results as a script, for two sides head to head; withdrawn ones are left out."""
    own = [each.result for each in data.results if each.result.speed_ms and each.judgement.state != "withdrawn"]
    subjects = (
        "\t".join(map(printable_name, (each.benchmark, each.scenario, each.of.runtime, each.model))) for each in own
    )
    document = {
        "subject": _coded(subjects),
        "cpu": _coded(printable_name(each.of.cpu) for each in own),
        "machine": _coded(printable_name(each.machine) for each in own),
        "id": [printable_name(each.id) for each in own],
        "ms": [_rounded(each.speed_ms) for each in own],
    }
    return _script("RESULTS", document)


def _coded(texts: Iterable[str]) -> dict[str, Any]:
    """Return each text once, and the numbers of the rows' texts."""
    numbers: dict[str, int] = {}
    rows = [numbers.setdefault(text, len(numbers)) for text in texts]
    return {"texts": list(numbers), "rows": rows}


def _shown(column: Any) -> Any:
    """Return a column whose texts cannot reverse the order of letters."""
    return {**column, "texts": list(map(printable_name, column["texts"]))} if isinstance(column, dict) else column


def _numbers(every: Sequence[RankedChoice], axis: ChoiceAxis) -> dict[str, list[float | None]]:
    """Return the values of an axis; bounds stand only where there is an interval."""
    found: dict[str, list[float | None]] = {"value": [], "low": [], "high": []}
    for each in every:
        amount = each.amounts.get(axis.name)
        bounded = amount is not None and amount.low < amount.high
        found["value"].append(_rounded(_number(each, axis)))
        found["low"].append(_rounded(amount.low / axis.scale) if amount and bounded else None)
        found["high"].append(_rounded(amount.high / axis.scale) if amount and bounded else None)
    return found


def _number(choice: RankedChoice, axis: ChoiceAxis) -> float | None:
    value = choice.key.cores if axis.name == "cores" else choice.value(axis.name)
    return None if value is None else value / axis.scale


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _script(name: str, document: Mapping[str, Any]) -> str:
    return f'"use strict";\nconst {name} = {json.dumps(document, separators=(",", ":"))};\n'
