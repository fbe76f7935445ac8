"""The pages of challenges: rules, dates, standing, and the prize draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.leaderboard.answer.export import as_csv
from mlperf_home.leaderboard.answer.prize_draw import drawn
from mlperf_home.leaderboard.answer.standing import standing
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.content.subject_pages import grouped
from mlperf_home.leaderboard.site.drafts import text_draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.leaderboard.answer.standing import ChallengeRank
    from mlperf_home.leaderboard.site.drafts import Draft, PageMaker
    from mlperf_home.leaderboard.site.site_data import SiteData


def challenge_pages(data: SiteData, maker: PageMaker) -> Iterator[Draft]:
    """Yield the drafts of all challenges' pages, of their list, and of the draw."""
    by_challenge = grouped(data.results, lambda each: data.receipts[each.result.bundle].challenge)
    listed = []
    for name, own in by_challenge.items():
        known = data.extras.challenges.get(name)
        ranks = standing(own, data.receipts, data.key_facts, data.names, known)
        page = page_of("challenge", name)
        listed.append((name, page, _dates(known), len(ranks), len(own)))
        draw = data.extras.draw if data.extras.draw and data.extras.draw.challenge == name else None
        entries = drawn(ranks, draw.seed) if draw else []
        table = page_of("draw", name, "csv")
        yield maker.draft(
            page, "challenge.html", title=name, known=_facts(known),
            ranks=[_rank(each) for each in ranks], results=len(own),
            draw={"source": draw.source, "seed": draw.seed, "entries": entries, "table": table} if draw else None,
        )  # fmt: skip
        if entries:
            yield text_draft(table, as_csv(entries))
    yield maker.draft("challenges.html", "challenges.html", title="Challenges", challenges=listed)


def _dates(challenge: Challenge | None) -> str:
    return f"{challenge.opened} to {challenge.closed}" if challenge else "unknown here"


def _facts(challenge: Challenge | None) -> dict[str, Any] | None:
    if challenge is None:
        return None
    workflows = tuple((each.name, each.title) for each in challenge.workflows)
    return {
        "title": challenge.title, "opened": str(challenge.opened), "closed": str(challenge.closed),
        "points": challenge.points, "rules": challenge.rules, "workflows": workflows,
    }  # fmt: skip


def _rank(each: ChallengeRank) -> dict[str, Any]:
    return {
        "name": each.name, "page": page_of("contributor", each.owner), "points": each.points, "bundles": each.bundles,
        "late": each.late, "credited": each.credited, "replicated": each.replicated,
    }  # fmt: skip
