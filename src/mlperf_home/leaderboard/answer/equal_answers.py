"""The answers of two results one by one, from the bundles that the board keeps."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.challenges.bundles.answers import bundle_answers
from mlperf_home.challenges.verification.verification import LIMITS
from mlperf_home.leaderboard.answer.choices import owner_of
from mlperf_home.loadgen_logs.accuracy_log import kept_hash
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT
from scriptgraph.embed import extract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.store.board import Board
    from mlperf_home.loadgen_logs.answers import AnswerColumn

_MOST_BESIDE = 10


class EqualAnswers(NamedTuple):
    """How many answers of a result are those of another."""

    other: BoardResult
    equal: int
    compared: int

    def __str__(self) -> str:
        return f"{100 * self.equal / self.compared:.2f} % ({self.equal:,} of {self.compared:,})"


def answers_beside(board: Board, result: BoardResult, results: Iterable[BoardResult]) -> list[EqualAnswers]:
    """Compare a result's answers with those of the latest results of others, at most ten, on the same data."""
    others = [each for each in results if _comparable(result, each) and owner_of(each) != owner_of(result)]
    latest = others[-_MOST_BESIDE:]
    return _compared([(result, each) for each in latest], _columns(board, [result, *latest]))


def answers_of_pairs(
    board: Board, first: Sequence[BoardResult], second: Sequence[BoardResult]
) -> dict[tuple[str, str], EqualAnswers]:
    """Compare the latest answers of two sides to each model on the same data, by benchmark and model."""
    mine = {(each.benchmark, each.model): each for each in first if each.answers}
    pairs = {}
    for each in second:
        key = (each.benchmark, each.model)
        if key in mine and _comparable(mine[key], each):
            pairs[key] = (mine[key], each)
    found = _compared(list(pairs.values()), _columns(board, [each for pair in pairs.values() for each in pair]))
    return {(each.other.benchmark, each.other.model): each for each in found}


def _comparable(first: BoardResult, second: BoardResult) -> bool:
    mine, theirs = first.answers, second.answers
    same_model = (first.benchmark, first.model, first.sample) == (second.benchmark, second.model, second.sample)
    if mine is None or theirs is None or not same_model:
        return False
    return (mine.dataset, mine.kind, mine.count) == (theirs.dataset, theirs.kind, theirs.count)


def _compared(
    pairs: Sequence[tuple[BoardResult, BoardResult]], columns: Mapping[str, AnswerColumn]
) -> list[EqualAnswers]:
    found = []
    for first, second in pairs:
        mine, theirs = columns.get(first.id), columns.get(second.id)
        if mine is not None and theirs is not None and mine.is_like(theirs):
            found.append(EqualAnswers(second, mine.equal(theirs), mine.count))
    return found


def _columns(board: Board, results: Iterable[BoardResult]) -> dict[str, AnswerColumn]:
    """Return the answers of results by their ids; each bundle is unpacked once."""
    by_bundle: dict[str, list[BoardResult]] = defaultdict(list)
    for each in results:
        by_bundle[each.bundle].append(each)
    columns = {}
    for bundle, own in by_bundle.items():
        with tempfile.TemporaryDirectory() as name:
            unpacked = Path(name) / "bundle"
            unpacked.mkdir()
            extract(board.objects.archive(bundle, Path(name)), unpacked, LIMITS)
            root = next(unpacked.iterdir())
            kept = bundle_answers(root)
            for each in own:
                digest = kept_hash((root / each.path).parent / ACCURACY_DIR / ACCURACY_TEXT)
                if digest in kept:
                    columns[each.id] = kept[digest]
    return columns
