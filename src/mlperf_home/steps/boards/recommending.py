"""Which machine and which model: the answer of a board, or of published results alone."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.answer.choices import choices, predicted_choices
from mlperf_home.leaderboard.answer.export import choice_row, write_rows
from mlperf_home.leaderboard.answer.recommendation import (
    Constraint,
    best_of_each_cpu,
    facts,
    recommend,
    sentence,
)
from mlperf_home.leaderboard.published_rows import rows_beside
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.measurements.prices import kept_prices, read_prices
from mlperf_home.steps.boards.collecting import open_index
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice
    from mlperf_home.leaderboard.answer.recommendation import ClassAnswer
    from scriptgraph.api import Context

# The option's key, the metric, whether it is a least value, and what the metric's unit is of the option's.
_CONSTRAINTS = (
    ("CM_BOARD_MIN_TOP1", "top1_percent", True, 1.0),
    ("CM_BOARD_MIN_F1", "f1_percent", True, 1.0),
    ("CM_BOARD_MIN_THROUGHPUT", "samples_per_second", True, 1.0),
    ("CM_BOARD_MAX_LATENCY_MS", "latency_ms", False, 1.0),
    ("CM_BOARD_MAX_MEMORY_MB", "peak_memory_bytes", False, 1e6),
    ("CM_BOARD_MAX_ENERGY_J", "energy_per_sample_j", False, 1.0),
    ("CM_BOARD_MAX_PRICE", "price_per_hour", False, 1.0),
)
_SHOWN = 5


def recommend_machine(context: Context) -> list[ClassAnswer]:
    """Show the answer in sentences and tables, and write it to --out_file; return it.

    Raises:
        LocatedError: the board, the prices or the file cannot be used.
        StepFailed: the ranking needs prices, and none are known.
    """
    path = context.path("CM_BOARD_PRICES")
    prices = read_prices(path) if path else kept_prices(context.results_home)
    rank = context.text("CM_BOARD_RANK", "") or ("cost" if prices else "speed")
    if rank == "cost" and prices is None:
        raise StepFailed("--rank=cost: no prices are known; name a table by --prices")
    constraints = [
        Constraint(metric, value * factor, least)
        for key, metric, least, factor in _CONSTRAINTS
        if (value := context.number(key)) is not None
    ]
    every = [each for each in _choices(context) if _wanted(context, each)]
    answers = [each for each in recommend(every, constraints, rank, prices) if each.fitting or each.nearest]
    for answer in answers:
        context.say(sentence(answer, constraints, rank))
        best = best_of_each_cpu(answer)
        if best:
            subject = f"{answer.benchmark}, {answer.scenario}, {answer.runtime}"
            title = f"{subject}: {len(answer.fitting)} choices fit, on {len(best)} CPUs"
            context.table(title, [(_label(choice), facts(choice)) for choice in best[:_SHOWN]])
    if not answers:
        context.say("nothing fits, and nothing is near: no choice has all the values that you constrain")
    context.say("not verified by MLCommons; speeds of different runtimes are not compared")
    if (out := context.path("CM_BOARD_OUT_FILE")) is not None:
        write_rows([choice_row(choice) for answer in answers for choice in answer.fitting], out)
        context.say(f"the ranked choices: {out}")
    return answers


def _label(choice: RankedChoice) -> str:
    return f"{choice.key.cpu}, {choice.key.model}"


def _wanted(context: Context, choice: RankedChoice) -> bool:
    wishes = (
        ("CM_BOARD_BENCHMARK", choice.key.benchmark),
        ("CM_BOARD_SCENARIO", choice.key.scenario),
        ("CM_BOARD_RUNTIME", choice.key.runtime),
        ("CM_BOARD_MODEL", choice.key.model),
    )
    return all(not (wish := context.text(key, "")) or wish.lower() == text.lower() for key, text in wishes)


def _choices(context: Context) -> Sequence[RankedChoice]:
    """Return the choices of the board, beside published ones; without a board, published ones alone."""
    folder = context.path("CM_BOARD_DIR")
    if folder is None:
        return choices((), rows_beside(sample=context.flag("CM_DATASET_SAMPLE")))
    board = Board(folder)
    with closing(open_index(context, board)) as index:
        results = index.results()
        found = choices(results, rows_beside(sample=board.settings.sample))
        return [*found, *predicted_choices(index.predictions(), results, found)]
