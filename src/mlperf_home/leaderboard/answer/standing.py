"""The standing of a challenge: points for valid work, confirmed by the crowd; nothing for mere quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.answer.contributors import results_by_owner, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.leaderboard.events import KnownName, Receipt
    from mlperf_home.leaderboard.answer.contributors import KeyFacts
    from mlperf_home.leaderboard.store.index import JudgedResult

_USUAL_POINTS = 1


@dataclass(frozen=True)
class ChallengeRank:
    """A contributor in a challenge.

    Attributes:
        owner: the first key, or the unsigned bundle.
        points: the challenge's points for each bundle that counts; one for each if the challenge is not known here.
        bundles: the number of bundles that count: made in time, with at least one credited result.
        late: the number of bundles that were made outside the challenge's days.
    """

    owner: str
    name: str
    points: int
    bundles: int
    late: int
    credited: int
    replicated: int


def standing(
    results: Iterable[JudgedResult],
    receipts: Mapping[str, Receipt],
    facts: KeyFacts,
    names: Mapping[str, KnownName],
    challenge: Challenge | None,
) -> list[ChallengeRank]:
    """Return the contributors of a challenge, those with the most points first.

    Args:
        results: the results of the challenge's bundles.
        receipts: the receipts by bundle.
        facts: what the board knows of keys.
        names: the names by pseudonym.
        challenge: the challenge; None if it is not installed here, and its days and points are unknown.
    """
    points = challenge.points if challenge else _USUAL_POINTS
    ranks = []
    for owner, own in results_by_owner(results, facts).items():
        timely = [each for each in own if _in_time(receipts[each.result.bundle], challenge)]
        counting = {each.result.bundle for each in timely if each.judgement.credited}
        ranks.append(
            ChallengeRank(
                owner=owner,
                name=shown_name(own[-1].result, names),
                points=points * len(counting),
                bundles=len(counting),
                late=len({each.result.bundle for each in own} - {each.result.bundle for each in timely}),
                credited=sum(each.judgement.credited for each in timely),
                replicated=sum(each.judgement.state == "replicated" for each in timely),
            )
        )
    return sorted(ranks, key=lambda each: (-each.points, -each.credited, each.name))


def _in_time(receipt: Receipt, challenge: Challenge | None) -> bool:
    if challenge is None:
        return True
    return challenge.opened.isoformat() <= receipt.made_utc[:10] <= challenge.closed.isoformat()
