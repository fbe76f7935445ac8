"""What the pages of a board show, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.answer.choices import choices, predicted_choices
from mlperf_home.leaderboard.answer.contributors import contributors, results_by_owner, shown_name
from mlperf_home.leaderboard.answer.groups import Group, front_of, ranked_groups
from mlperf_home.leaderboard.answer.wanted_runs import wanted_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.leaderboard.events import BoardSettings, KnownName, Receipt
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.contracts.leaderboard.wanted_list import WantedList
    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.answer.contributors import CreditedContributor
    from mlperf_home.leaderboard.store.board import Board
    from mlperf_home.leaderboard.store.index import BoardIndex, JudgedResult


@dataclass(frozen=True)
class SiteData:
    """A board at one moment.

    Attributes:
        settings: the board's settings.
        results: its results with their judgements.
        every: measured, published and predicted choices.
        names: the names of contributors, by pseudonym.
        key_facts: what the board knows of keys, by fact: successor, revoked, vouched.
        receipts: the receipts of bundles, by their digest.
    """

    settings: BoardSettings
    results: Sequence[JudgedResult]
    every: Sequence[RankedChoice]
    names: Mapping[str, KnownName]
    key_facts: Mapping[str, Mapping[str, str]]
    receipts: Mapping[str, Receipt]

    @cached_property
    def groups(self) -> dict[Group, list[RankedChoice]]:
        """The choices of each group, the fastest first; groups with most measurements of this board go first."""
        found = ranked_groups(self.every)
        measured = {group: sum(each.origin == "measured" for each in ranked) for group, ranked in found.items()}
        return {group: found[group] for group in sorted(found, key=lambda group: (-measured[group], group))}

    @cached_property
    def fronts(self) -> dict[Group, list[RankedChoice]]:
        """The front of each group."""
        return {group: front_of(ranked) for group, ranked in self.groups.items()}

    @cached_property
    def by_owner(self) -> dict[str, list[JudgedResult]]:
        """The results of each contributor."""
        return results_by_owner(self.results, self.key_facts)

    @cached_property
    def owners(self) -> dict[str, str]:
        """Who answers for each result, by its id."""
        return {each.result.id: owner for owner, own in self.by_owner.items() for each in own}

    def contributors(self) -> list[CreditedContributor]:
        """Return the contributors, those with the most credit first."""
        return contributors(self.results, self.key_facts, self.names)

    def who(self, result: BoardResult) -> str:
        """Return by what name a result's contributor is shown."""
        return shown_name(result, self.names)

    @property
    def wanted(self) -> list[JudgedResult]:
        """The results that need another measurement."""
        return [each for each in self.results if each.judgement.wanted]

    @cached_property
    def wanted_list(self) -> WantedList:
        """What volunteers' machines can settle."""
        return wanted_list(self.settings, self.results, self.every, self.receipts, self.updated)

    @property
    def updated(self) -> str:
        """When the newest bundle was taken; the board's beginning if there is none."""
        return max((each.taken_utc for each in self.receipts.values()), default=self.settings.created_utc)


def site_data(board: Board, index: BoardIndex, published: Sequence[BoardResult]) -> SiteData:
    """Gather what the pages show; `published` rows stand beside the board's own results."""
    results = index.results()
    found = choices(results, published)
    return SiteData(
        settings=board.settings,
        results=results,
        every=[*found, *predicted_choices(index.predictions(), results, found)],
        names=board.names(),
        key_facts=index.key_facts(),
        receipts={each.bundle: each for each in index.receipts()},
    )
