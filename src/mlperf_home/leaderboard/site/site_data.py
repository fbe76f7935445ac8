"""What the pages of a board show, gathered once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import to_line
from mlperf_home.leaderboard.answer.choices import choice_key, choices, predicted_choices
from mlperf_home.leaderboard.answer.contributors import contributors, results_by_owner, shown_name
from mlperf_home.leaderboard.answer.groups import Group, front_of, ranked_groups
from mlperf_home.leaderboard.answer.recommendation import priced
from mlperf_home.leaderboard.answer.wanted_runs import wanted_list
from mlperf_home.leaderboard.site.class_values import ClassValues
from mlperf_home.leaderboard.site.drafts import key_of, mark_of
from mlperf_home.leaderboard.site.verdict_history import VerdictHistory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.leaderboard.events import BoardSettings, KnownName, Receipt
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.contracts.leaderboard.wanted_list import WantedList
    from mlperf_home.leaderboard.answer.choices import ChoiceKey, RankedChoice
    from mlperf_home.leaderboard.answer.contributors import CreditedContributor
    from mlperf_home.leaderboard.answer.prize_draw import PrizeDraw
    from mlperf_home.leaderboard.store.board import Board
    from mlperf_home.leaderboard.store.index import BoardIndex, JudgedResult
    from mlperf_home.measurements.prices import Prices


@dataclass(frozen=True)
class SiteExtras:
    """What a board's own files do not tell.

    Attributes:
        prices: a table of prices; None if there is none.
        challenges: the challenges that are installed here, by name.
        draw: a prize draw; None if there is none.
    """

    prices: Prices | None = None
    challenges: Mapping[str, Challenge] = field(default_factory=dict)
    draw: PrizeDraw | None = None


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
        history: the verdicts of each result.
        extras: what the board's own files do not tell.
    """

    settings: BoardSettings
    results: Sequence[JudgedResult]
    every: Sequence[RankedChoice]
    names: Mapping[str, KnownName]
    key_facts: Mapping[str, Mapping[str, str]]
    receipts: Mapping[str, Receipt]
    history: VerdictHistory = field(default_factory=VerdictHistory)
    extras: SiteExtras = field(default_factory=SiteExtras)

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

    @cached_property
    def by_id(self) -> dict[str, JudgedResult]:
        """The results by their ids."""
        return {each.result.id: each for each in self.results}

    @cached_property
    def marks(self) -> dict[str, str]:
        """What the row of each result depends on, hashed, by its id."""
        return {
            each.result.id: mark_of(
                to_line(each.result), to_line(each.judgement), self.who(each.result), self.owners[each.result.id]
            )
            for each in self.results
        }

    @cached_property
    def choice_marks(self) -> dict[int, str]:
        """What the row of each choice depends on, hashed, by the identity of the choice."""
        return {id(each): key_of(each) for each in self.every}

    @cached_property
    def class_values(self) -> dict[ChoiceKey, ClassValues]:
        """The times of all results of each choice that have a speed; withdrawn ones are left out."""
        found: dict[ChoiceKey, list[float]] = defaultdict(list)
        for each in self.results:
            if each.judgement.state != "withdrawn" and (time_ms := each.result.speed_ms):
                found[choice_key(each.result)].append(time_ms)
        return {key: ClassValues(sorted(times)) for key, times in found.items()}

    @cached_property
    def contributors(self) -> list[CreditedContributor]:
        """The contributors, those with the most credit first."""
        return contributors(self.results, self.key_facts, self.names)

    def who(self, result: BoardResult) -> str:
        """Return by what name a result's contributor is shown."""
        return shown_name(result, self.names)

    @cached_property
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


def site_data(
    board: Board, index: BoardIndex, published: Sequence[BoardResult], extras: SiteExtras | None = None
) -> SiteData:
    """Gather what the pages show; `published` rows stand beside the board's own results."""
    known = extras or SiteExtras()
    results = index.results()
    found = choices(results, published)
    every = [*found, *predicted_choices(index.predictions(), results, found)]
    return SiteData(
        settings=board.settings,
        results=results,
        every=priced(every, known.prices),
        names=board.names(),
        key_facts=index.key_facts(),
        receipts={each.bundle: each for each in index.receipts()},
        history=VerdictHistory(path.read_bytes() for path in board.verdicts.files()),
        extras=known,
    )
