"""What the pages of a board show, gathered once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.keys import first_keys
from mlperf_home.leaderboard.answer.choices import choices, owner_of, predicted_choices
from mlperf_home.leaderboard.answer.groups import Group, front_of, ranked_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.leaderboard.events import BoardSettings, KnownName, Receipt
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.store.board import Board
    from mlperf_home.leaderboard.store.index import BoardIndex, JudgedResult

_SHORT = 12


@dataclass(frozen=True)
class SiteData:
    """A board at one moment.

    Attributes:
        settings: the board's settings.
        results: its results with their judgements.
        every: measured, published and predicted choices.
        names: the names of contributors, by pseudonym.
        owners: the first key of a contributor, by later keys.
        vouched: keys that the organiser knows.
        receipts: the receipts of bundles, by their digest.
    """

    settings: BoardSettings
    results: Sequence[JudgedResult]
    every: Sequence[RankedChoice]
    names: Mapping[str, KnownName]
    owners: Mapping[str, str]
    vouched: frozenset[str]
    receipts: Mapping[str, Receipt]

    @cached_property
    def groups(self) -> dict[Group, list[RankedChoice]]:
        """The choices of each group, the fastest first; groups with most measurements of this board go first."""
        found = ranked_groups(self.every)
        measured = {group: sum(each.origin == "measured" for each in ranked) for group, ranked in found.items()}
        return {group: found[group] for group in sorted(found, key=lambda group: (-measured[group], group))}

    def front(self, group: Group) -> list[RankedChoice]:
        """Return the front of a group."""
        return front_of(self.groups[group])

    def owner(self, result: BoardResult) -> str:
        """Return who answers for a result: the first key of its contributor, or its unsigned bundle."""
        return self.owners.get(result.key, result.key) or owner_of(result)

    def who(self, result: BoardResult) -> str:
        """Return the name of a contributor, or the pseudonym."""
        known = self.names.get(result.contributor)
        if known is not None:
            return known.name
        if result.contributor:
            return f"contributor-{result.contributor[:_SHORT]}"
        return f"key {result.key[: _SHORT + 7]}" if result.key else f"unsigned bundle {result.bundle[:_SHORT]}"

    @cached_property
    def by_owner(self) -> dict[str, list[JudgedResult]]:
        """The results of each contributor."""
        found: dict[str, list[JudgedResult]] = defaultdict(list)
        for each in self.results:
            found[self.owner(each.result)].append(each)
        return dict(found)

    @property
    def wanted(self) -> list[JudgedResult]:
        """The results that need another measurement."""
        return [each for each in self.results if each.judgement.wanted]

    @property
    def updated(self) -> str:
        """When the newest bundle was taken; the board's beginning if there is none."""
        return max((each.taken_utc for each in self.receipts.values()), default=self.settings.created_utc)


def site_data(board: Board, index: BoardIndex, published: Sequence[BoardResult]) -> SiteData:
    """Gather what the pages show; `published` rows stand beside the board's own results."""
    results = index.results()
    found = choices(results, published)
    facts = index.key_facts()
    return SiteData(
        settings=board.settings,
        results=results,
        every=[*found, *predicted_choices(index.predictions(), results, found)],
        names=board.names(),
        owners=first_keys(facts.get("successor", {})),
        vouched=frozenset(key for key, value in facts.get("vouched", {}).items() if value == "yes"),
        receipts={each.bundle: each for each in index.receipts()},
    )
