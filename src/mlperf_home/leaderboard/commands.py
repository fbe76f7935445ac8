"""The command `cm show board`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import encode
from mlperf_home.errors import LocatedError
from mlperf_home.leaderboard.answer.choices import choices
from mlperf_home.leaderboard.answer.comparison import head_to_head
from mlperf_home.leaderboard.answer.equal_answers import answers_beside, answers_of_pairs
from mlperf_home.leaderboard.answer.export import choice_row, write_rows
from mlperf_home.leaderboard.answer.groups import front_of
from mlperf_home.leaderboard.board_tables import (
    choice_sections,
    contributor_section,
    result_section,
    versus_section,
    wanted_section,
)
from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.command_table import board_command
from mlperf_home.leaderboard.published_rows import rows_beside
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import Section, failing_on, home_folders, show_sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.leaderboard.answer.equal_answers import EqualAnswers
    from mlperf_home.leaderboard.store.index import JudgedResult
    from scriptgraph.embed import Arguments, RunConsole

_SIDES = 2


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Run `cm show board`.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`; other keys hold the outcome.
    """
    del action

    def run_action(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return _show(arguments)

    return ENGINE.answer(board_command(), command, run_action)


def _show(arguments: Arguments) -> dict[str, Any]:
    board = Board(arguments.path("board") or home_folders(arguments, PRODUCT)[0] / "boards" / "board")
    board.settings  # noqa: B018 - raises if there is no board
    with closing(BoardIndex(board, stored_rows(board), arguments.text("database") or None)) as index:
        results = [each for each in index.results() if _wanted(arguments, each, board)]
        sections, document = _sections(arguments, board, index, results)
    mark = "SAMPLE BOARD, no MLPerf results: " if board.settings.sample else ""
    head = Section(f"{mark}{board.settings.name}: {len(results)} results, not verified by MLCommons")
    if not arguments.as_json:
        show_sections([head, *sections])
    return document


def _wanted(arguments: Arguments, each: JudgedResult, board: Board) -> bool:
    result, names = each.result, board.names()
    known = names.get(result.contributor)
    equal = {"benchmark": result.benchmark, "scenario": result.scenario, "model": result.model}
    if any((wish := arguments.text(name)) and wish.lower() != text.lower() for name, text in equal.items()):
        return False
    contributor = arguments.text("contributor").lower()
    own = {result.contributor, result.key, known.name.lower() if known else ""}
    return (
        arguments.text("cpu").lower() in result.of.cpu.lower()
        and arguments.text("state") in {"", each.judgement.state, result.kind}
        and (not contributor or contributor in own)
    )


def _sections(
    arguments: Arguments, board: Board, index: BoardIndex, results: list[JudgedResult]
) -> tuple[list[Section], dict[str, Any]]:
    if name := arguments.text("result"):
        found = [each for each in results if each.result.id.startswith(name)]
        if len(found) != 1:
            raise BoardError("--result", f"{name[:40]!r} names {len(found)} results", "copy an id of the table")
        beside = answers_beside(board, found[0].result, (each.result for each in index.results()))
        section = result_section(found[0], board.names(), beside)
        return [section], {"result": encode(found[0].result), "equal_answers": _shares(beside)}
    if arguments.on("contributors"):
        rows = contributor_section(results, index.key_facts(), board.names())
        return [rows], {"contributors": [list(row) for row in rows.rows]}
    if arguments.on("wanted"):
        rows = wanted_section(results)
        return [rows], {"wanted": [list(row) for row in rows.rows]}
    if sides := arguments.words("versus"):
        if len(sides) != _SIDES:
            raise BoardError("--versus", f"names {len(sides)} CPUs", "write --versus=CPU,CPU")
        pairs = [[each.result for each in results if side.lower() in each.result.of.cpu.lower()] for side in sides]
        rows = versus_section(head_to_head(*pairs), answers_of_pairs(board, *pairs), tuple(sides))
        return [rows], {"versus": [list(row) for row in rows.rows]}
    published = rows_beside(sample=board.settings.sample) if arguments.on("published") else []
    every = choices(results, published)
    shown = front_of(every) if arguments.on("pareto") else every
    if (out := arguments.path("out_file")) is not None:
        write_rows([choice_row(each) for each in shown], out)
    return choice_sections(shown, pareto=arguments.on("pareto")), {"choices": [choice_row(each) for each in shown]}


def _shares(beside: list[EqualAnswers]) -> dict[str, float]:
    return {each.other.id: each.equal / each.compared for each in beside}
