"""Contributors: by what name a board shows them, and what they are credited for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.keys import first_keys
from mlperf_home.contracts.leaderboard.results import LATENCY_ONLY
from mlperf_home.leaderboard.answer.choices import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlperf_home.contracts.leaderboard.events import KnownName
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.store.index import JudgedResult

    KeyFacts = Mapping[str, Mapping[str, str]]

_SHORT = 12


@dataclass(frozen=True)
class CreditedContributor:
    """A contributor with the counts of results.

    Attributes:
        owner: the first key, or the unsigned bundle.
        credited: whole results that are credited.
        latency_only: credited results whose accuracy is copied; their credit is one of its own.
        vouched: "yes", "no", or "revoked" with the day.
    """

    owner: str
    name: str
    link: str
    results: int
    credited: int
    latency_only: int
    replicated: int
    disputed: int
    vouched: str


def shown_name(result: BoardResult, names: Mapping[str, KnownName]) -> str:
    """Return the name of a result's contributor, the pseudonym, the key, or the unsigned bundle."""
    if known := names.get(result.contributor):
        return known.name
    if result.contributor:
        return f"contributor-{result.contributor[:_SHORT]}"
    return result.key[: _SHORT + 7] or f"unsigned bundle {result.bundle[:_SHORT]}"


def results_by_owner(results: Iterable[JudgedResult], facts: KeyFacts) -> dict[str, list[JudgedResult]]:
    """Return the results of each contributor, by the first key or the unsigned bundle; `facts` are of keys."""
    first = first_keys(facts.get("successor", {}))
    found: dict[str, list[JudgedResult]] = defaultdict(list)
    for each in results:
        found[first.get(each.result.key) or owner_of(each.result)].append(each)
    return dict(found)


def contributors(
    results: Iterable[JudgedResult], facts: KeyFacts, names: Mapping[str, KnownName]
) -> list[CreditedContributor]:
    """Return the contributors, those with the most credit first: valid work, and replications of others' results."""
    found = []
    for owner, own in results_by_owner(results, facts).items():
        states = [each.judgement.state for each in own]
        last = own[-1].result
        known = names.get(last.contributor)
        found.append(
            CreditedContributor(
                owner=owner,
                name=shown_name(last, names),
                link=known.link if known else "",
                results=len(own),
                credited=_credited(own, latency_only=False),
                latency_only=_credited(own, latency_only=True),
                replicated=states.count("replicated"),
                disputed=states.count("disputed"),
                vouched=_vouched(facts, owner),
            )
        )
    return sorted(found, key=lambda each: (-each.credited, -each.latency_only, each.name))


def _credited(results: Iterable[JudgedResult], *, latency_only: bool) -> int:
    credited = (each.result for each in results if each.judgement.credited)
    return sum((each.kind == LATENCY_ONLY) == latency_only for each in credited)


def _vouched(facts: KeyFacts, key: str) -> str:
    if day := facts.get("revoked", {}).get(key):
        return f"revoked {day}"
    return "yes" if facts.get("vouched", {}).get(key) == "yes" else "no"
