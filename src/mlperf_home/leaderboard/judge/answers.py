"""Answers of accuracy runs beside each other: who agrees with a result on the same images or questions.

Where the arithmetic is the same, so is every answer: the rule of a replay. Elsewhere a few differ, and a share of them,
known from a sketch, tells whether it was the same model on the same data.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.contracts.leaderboard.results import BoardResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.leaderboard.results import AnswerFacts
    from mlperf_home.loadgen_logs.answers import AnswerColumn

LEAST_EQUAL = 0.9
"""The least share of equal answers of one model on two machines. It is a choice (docs/trust.md)."""

_SKETCHED = 256


@cache
def _places(count: int) -> tuple[int, ...]:
    digests = (hashlib.sha256(str(number).encode()).digest() for number in range(_SKETCHED))
    return tuple(int.from_bytes(digest[:8], "little") % count for digest in digests)


def sketch_of(column: AnswerColumn) -> str:
    """Return a byte of each of 256 answers, at the same places for all columns of one length."""
    parts = column.parts()
    packed = (struct.pack(f"<{len(parts)}I", *(part[place] for part in parts)) for place in _places(column.count))
    return base64.b64encode(bytes(zlib.crc32(each) & 0xFF for each in packed)).decode("ascii")


def equal_share(mine: str, theirs: str) -> float:
    """Return the share of equal bytes of two sketches."""
    pairs = list(zip(base64.b64decode(mine), base64.b64decode(theirs), strict=False))
    return sum(first == second for first, second in pairs) / len(pairs) if pairs else 0.0


class OtherAnswers(NamedTuple):
    """The results of other contributors with the subject of a result, by whether their answers agree."""

    agreeing: Sequence[BoardResult]
    contradicting: Sequence[BoardResult]
    least: float
    """The least share of equal answers."""


class AnswersOfSubjects:
    """The results with answers, by what was answered."""

    def __init__(self, results: Sequence[BoardResult], owners: Mapping[str, str]) -> None:
        """Group results; only signed ones speak for or against others."""
        self._owners = owners
        self._groups: dict[tuple[object, ...], list[BoardResult]] = defaultdict(list)
        for each in results:
            if each.answers is not None and each.key:
                self._groups[_subject(each, each.answers)].append(each)

    def of(self, result: BoardResult) -> OtherAnswers:
        """Return which other contributors' answers agree with a result's, and which contradict them."""
        agreeing, contradicting = list[BoardResult](), list[BoardResult]()
        least = 1.0
        mine = result.answers
        for other in self._groups.get(_subject(result, mine), ()) if mine else ():
            theirs = other.answers
            if theirs is None or mine is None or self._owner(other) == self._owner(result):
                continue
            share = 1.0 if mine.sha256 == theirs.sha256 else equal_share(mine.sketch, theirs.sketch)
            least = min(least, share)
            (agreeing if _agree(mine, theirs, share) else contradicting).append(other)
        return OtherAnswers(agreeing, contradicting, least)

    def owners_of(self, results: Sequence[BoardResult]) -> int:
        """Return how many contributors stand behind results."""
        return len({self._owner(each) for each in results})

    def _owner(self, result: BoardResult) -> str:
        return self._owners.get(result.key, result.key) or result.bundle


def _subject(result: BoardResult, answers: AnswerFacts) -> tuple[object, ...]:
    return result.benchmark, result.model, result.sample, answers.dataset, answers.kind, answers.count


def _agree(mine: AnswerFacts, theirs: AnswerFacts, share: float) -> bool:
    if mine.arithmetic and mine.arithmetic == theirs.arithmetic:
        return mine.sha256 == theirs.sha256
    return share >= LEAST_EQUAL
