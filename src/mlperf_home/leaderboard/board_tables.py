"""A board as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.results import LATENCY_ONLY
from mlperf_home.leaderboard.answer.choices import ACCURACIES, RankedChoice
from mlperf_home.leaderboard.answer.contributors import contributors, shown_name
from mlperf_home.leaderboard.answer.groups import ranked_groups
from mlperf_home.leaderboard.answer.recommendation import UNITS
from scriptgraph.embed import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.events import KnownName
    from mlperf_home.leaderboard.answer.comparison import HeadToHead
    from mlperf_home.leaderboard.answer.equal_answers import EqualAnswers
    from mlperf_home.leaderboard.store.index import JudgedResult

_SHOWN = 20


def choice_sections(every: Sequence[RankedChoice], *, pareto: bool) -> list[Section]:
    """Return a ranked table for each benchmark, scenario and runtime class."""
    sections = []
    for named, group in ranked_groups(every).items():
        rows = [(str(rank), *_cells(choice)) for rank, choice in enumerate(group[:_SHOWN], 1)]
        more = f"; {len(group) - _SHOWN} more, see --out_file" if len(group) > _SHOWN else ""
        count = f"{'front of ' if pareto else ''}{len(group)} choice{'s' if len(group) != 1 else ''}"
        title = f"{named}: {count}{more}"
        sections.append(Section(title, rows, ("rank", "CPU", "model", "speed", "accuracy", "state", "contributors")))
    return sections or [Section("nothing fulfils this")]


def _cells(choice: RankedChoice) -> tuple[str, ...]:
    latency, rate = choice.amounts.get("latency_ms"), choice.amounts.get("samples_per_second")
    speed = f"{latency.value:.3g} ms" if latency else f"{rate.value:.4g} samples/s" if rate else "unknown"
    percent = next((f"{choice.amounts[n].value:.4g} {UNITS[n]}" for n in ACCURACIES if n in choice.amounts), "")
    percent += " (copied)" if percent and choice.latency_only else ""
    cores = f", {choice.key.cores} cores" if choice.key.cores else ""
    who = "" if choice.origin == "published" else str(choice.contributors)
    return f"{choice.key.cpu}{cores}", choice.key.model, speed, percent, choice.state_words, who


def result_section(each: JudgedResult, names: Mapping[str, KnownName], beside: Sequence[EqualAnswers] = ()) -> Section:
    """Return everything that is known of one result; `beside` are others' answers to the same."""
    result, judged = each.result, each.judgement
    facts = [
        ("state", f"{judged.state}, latency only" if result.kind == LATENCY_ONLY else judged.state),
        *(("because", reason) for reason in judged.reasons),
        *(("beside", other) for other in judged.others),
        ("contributor", shown_name(result, names)),
        *((("link", known.link),) if (known := names.get(result.contributor)) and known.link else ()),
        ("key", result.key or "unsigned"),
        ("bundle", f"{result.bundle}, receipt {result.receipt}"),
        ("file", result.path),
        ("CPU", result.of.cpu),
        ("runtime", f"{result.of.runtime} {result.of.version}".strip()),
        ("round", result.round),
        ("official", "yes" if result.official else "no"),
        *((("answers", f"{result.answers.count:,} in the bundle"),) if result.answers else ()),
        *((f"equal to those of {other.other.id}", str(other)) for other in beside),
        *((name, f"{value:.6g}") for name, value in sorted(result.metrics.items())),
    ]
    return Section(f"{result.id}: {result.benchmark}, {result.scenario}, {result.model}", facts)


def contributor_section(
    results: Iterable[JudgedResult], facts: Mapping[str, Mapping[str, str]], names: Mapping[str, KnownName]
) -> Section:
    """Return contributors with what they are credited for."""
    rows = [
        (f"{each.name} {each.link}".strip(),
         *map(str, (each.credited, each.latency_only, each.replicated, each.disputed, each.results)), each.vouched)
        for each in contributors(results, facts, names)
    ]  # fmt: skip
    header = ("contributor", "credited", "latency only", "replicated", "disputed", "results", "vouched for")
    return Section(f"{len(rows)} contributors", rows, header if rows else ())


def wanted_section(results: Iterable[JudgedResult]) -> Section:
    """Return what needs another measurement, those without any agreement first."""
    wanted = [each for each in results if each.judgement.wanted]
    rows = [
        (each.result.id, each.result.of.cpu, each.result.model, each.judgement.state, each.judgement.reasons[-1])
        for each in wanted[:_SHOWN]
    ]
    title = f"{len(wanted)} results need another measurement"
    return Section(title, rows, ("result", "CPU", "model", "state", "because") if rows else ())


def versus_section(
    pairs: Sequence[HeadToHead], answers: Mapping[tuple[str, str], EqualAnswers], sides: tuple[str, ...]
) -> Section:
    """Return two CPUs head to head; `answers` are compared by benchmark and model."""
    rows = [
        (each.model, each.scenario, each.runtime, f"{each.first_ms:.4g} ms", f"{each.second_ms:.4g} ms", each.words,
         str(answers.get((each.benchmark, each.model), "")))
        for each in pairs[:_SHOWN]
    ]  # fmt: skip
    first, second = sides
    header = ("model", "scenario", "runtime", first, second, f"{second} to {first}", "equal answers")
    return Section(f"{first} against {second}: {len(pairs)} common", rows, header if rows else ())
