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

    One machine gives the same answers by the same arithmetic, so keys whose answers differ have no machine in common.
    Rented machines of one kind share facts and answers too: this is a doubt, no proof.
    """
    keys: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for each in results:
        if each.key and each.machine:
            answers = keys[each.machine, each.of.cpu][owners.get(each.key, each.key)]
            if each.answers is not None and each.answers.arithmetic:
                answers[each.answers.arithmetic] = each.answers.sha256
    found: dict[str, set[str]] = defaultdict(set)
    for group in keys.values():
        for key, mine in group.items():
            found[key] |= {other for other, theirs in group.items() if other != key and not _differ(mine, theirs)}
    return {key: tuple(sorted(others)) for key, others in found.items() if others}


def _differ(mine: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    """Whether answers by the same arithmetic differ."""
    return any(mine[key] != theirs[key] for key in mine.keys() & theirs.keys())
