"""Results that are on a board twice: the same logs under one name or two, and one machine under several."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult


@dataclass(frozen=True)
class Copy:
    """The logs of a result are those of another.

    Attributes:
        original: the result that came first; None if several owners sent them in one batch, so that nobody knows.
        others: the other results with these logs.
        foreign: whether another owner has them too.
    """

    original: BoardResult | None
    others: tuple[str, ...]
    foreign: bool


def copies(results: Sequence[BoardResult], owners: Mapping[str, str]) -> dict[str, Copy]:
    """Return the results whose logs another result has, without the first that has them."""
    by_log: dict[str, list[BoardResult]] = defaultdict(list)
    for each in results:
        for digest in each.logs:
            by_log[digest].append(each)
    found: dict[str, Copy] = {}
    for group in by_log.values():
        if len(group) > 1:
            found |= _copies_in(sorted(group, key=lambda each: (each.receipt, each.path)), owners)
    return found


def _copies_in(group: Sequence[BoardResult], owners: Mapping[str, str]) -> dict[str, Copy]:
    first = group[0]
    owner = _owner(first, owners)
    rivals = [each for each in group if each.batch == first.batch and _owner(each, owners) != owner]
    found = {}
    for each in group:
        others = tuple(other.id for other in group if other.id != each.id)
        if each is not first:
            foreign = _owner(each, owners) != owner
            found[each.id] = Copy(None if rivals and each.batch == first.batch else first, others, foreign)
        elif rivals:
            found[each.id] = Copy(None, others, foreign=True)
    return found


def _owner(result: BoardResult, owners: Mapping[str, str]) -> str:
    return owners.get(result.key, result.key) or result.bundle


def shared_machines(results: Sequence[BoardResult], owners: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return, for each key, the other keys whose results are of a machine with the same facts.

    Rented machines of one kind share their facts too: this is a doubt, no proof.
    """
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in results:
        if each.key and each.machine:
            keys[each.machine, each.of.cpu].add(owners.get(each.key, each.key))
    found: dict[str, set[str]] = defaultdict(set)
    for group in keys.values():
        for key in group if len(group) > 1 else ():
            found[key] |= group - {key}
    return {key: tuple(sorted(others)) for key, others in found.items()}
