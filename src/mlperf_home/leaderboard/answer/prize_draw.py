"""A prize draw that anyone can recompute: one entry for each contributor with points, in the order of hashes.

The source of the seed is announced before the challenge closes; the seed is what the source says afterwards.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.leaderboard.answer.standing import ChallengeRank


@dataclass(frozen=True)
class PrizeDraw:
    """A draw.

    Attributes:
        challenge: the challenge's name.
        source: where the seed comes from, in words.
        seed: the seed; "" before it is known.
    """

    challenge: str
    source: str
    seed: str = ""


def entry_hash(seed: str, owner: str) -> str:
    """Return the hash that an entry is drawn by: SHA-256 of the seed, a line end, and the contributor's key."""
    return hashlib.sha256(f"{seed}\n{owner}".encode()).hexdigest()


def drawn(ranks: Iterable[ChallengeRank], seed: str) -> list[dict[str, Any]]:
    """Return the entries as rows: by key before the seed is known, then in the order of the draw.

    Whoever has points has one entry: neither quantity nor speed raises the chance.
    """
    entries = sorted((each for each in ranks if each.points), key=lambda each: each.owner)
    if not seed:
        return [_row(each, "", "") for each in entries]
    hashed = sorted((entry_hash(seed, each.owner), each) for each in entries)
    return [_row(each, str(place), mark) for place, (mark, each) in enumerate(hashed, 1)]


def _row(each: ChallengeRank, place: str, mark: str) -> dict[str, Any]:
    return {"place": place, "key": each.owner, "contributor": each.name, "points": each.points, "sha256": mark}
