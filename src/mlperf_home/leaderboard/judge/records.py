"""The record of each key: how many of its results were consistent in a row, and what is odd about them as a whole.

Adaptive replication is BOINC's: after ten consistent results in a row, single ones of a key suffice.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.judging import KeyRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.judging import Judgement
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.judge.expected import ExpectedLatency

IN_A_ROW = 10
"""Consistent results in a row, of earlier bundles, after which single results suffice."""

_GOOD = frozenset({"consistent", "replicated"})
_SUSPICIOUS = 0.001
_SHOWN = 12


class KeyRecords:
    """The records of keys, as results come in the order of their receipts."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = defaultdict(int)
        self._settled: dict[str, tuple[int, int]] = {}

    def trusted(self, owner: str, receipt: int) -> bool:
        """Whether single results of a bundle suffice: its own results do not speak for it."""
        return self._before(owner, receipt) >= IN_A_ROW

    def _before(self, owner: str, receipt: int) -> int:
        latest = self._settled.get(owner)
        if latest is None or latest[0] != receipt:
            self._settled[owner] = latest = (receipt, self._in_a_row[owner])
        return latest[1]

    def add(self, owner: str, receipt: int, state: str) -> None:
        """Take the state of a key's next result."""
        self._before(owner, receipt)
        if state == "disputed":
            self._in_a_row[owner] = 0
            self._settled[owner] = (receipt, 0)
        elif state in _GOOD:
            self._in_a_row[owner] += 1

    def in_a_row(self, owner: str) -> int:
        """Return the consistent results since the last dispute."""
        return self._in_a_row[owner]


def key_records(
    results: Sequence[BoardResult],
    judgements: Mapping[str, Judgement],
    expectations: Mapping[str, ExpectedLatency],
    shared: Mapping[str, Sequence[str]],
    owners: Mapping[str, str],
) -> tuple[KeyRecord, ...]:
    """Return the record of each key that answers for a result."""
    by_owner: dict[str, list[BoardResult]] = defaultdict(list)
    for each in results:
        if each.key:
            by_owner[owners.get(each.key, each.key)].append(each)
    records = KeyRecords()
    for each in sorted(results, key=lambda result: (result.receipt, result.path)):
        if each.key:
            records.add(owners.get(each.key, each.key), each.receipt, judgements[each.id].state)
    return tuple(
        KeyRecord(
            key=owner,
            in_a_row=records.in_a_row(owner),
            trusted=records.in_a_row(owner) >= IN_A_ROW,
            doubts=tuple(_doubts(group, expectations, shared.get(owner, ()))),
        )
        for owner, group in sorted(by_owner.items())
    )


def _doubts(
    results: Sequence[BoardResult], expectations: Mapping[str, ExpectedLatency], shared: Sequence[str]
) -> Iterable[str]:
    if shared:
        names = ", ".join(key[:_SHOWN] for key in shared)
        yield f"machines with the same facts have results of other keys: {names}"
    odd = [each for each in results if each.id in expectations and not expectations[each.id].fits]
    fast = sum(expectations[each.id].ratio < 1 for each in odd)
    if odd and _tail(fast, len(odd)) < _SUSPICIOUS:
        yield f"of {len(odd)} unexpected latencies {fast} are too short: results too good in a row"
    again = sorted({(each.bundle, each.runs) for each in results if each.runs > 1})
    if again:
        most = max(runs for _, runs in again)
        yield f"{len(again)} of its bundles tell of up to {most} attempts and keep the last"


def _tail(successes: int, count: int) -> float:
    """Return the chance of at least so many successes in `count` fair throws."""
    return float(sum(math.comb(count, number) for number in range(successes, count + 1)) / 2**count)
