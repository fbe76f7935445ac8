"""The table of options of `cm show board`."""

from __future__ import annotations

from mlperf_home.contracts.leaderboard.judging import STATES
from mlperf_home.contracts.leaderboard.results import LATENCY_ONLY
from mlperf_home.product import PRODUCT
from scriptgraph.embed import PLACES, Command, Option, home_option, output_options, quiet_option

_NAME = "=NAME"


def board_command() -> Command:
    """Return the table of `cm show board`."""
    options = (
        Option("benchmark", "text", "of this benchmark", value=_NAME),
        Option("scenario", "text", "of this scenario", value=_NAME),
        Option("model", "text", "of this model", value=_NAME),
        Option("cpu", "text", "of CPUs whose name has this part", value=_NAME),
        Option("contributor", "text", "of this contributor", value=_NAME),
        Option("state", "text", "of this state", choices=(*STATES[:6], LATENCY_ONLY)),
        Option("pareto", "switch", "only the front: what no other choice dominates"),
        Option("contributors", "switch", "contributors, with their credit"),
        Option("wanted", "switch", "what needs another measurement"),
        Option("versus", "list", "two CPUs head to head, by parts of their names", value="=CPU,CPU"),
        Option("published", "switch", "published rows beside them"),
        Option("result", "text", "one result, with its reasons", value="=ID"),
        Option("out_file", "path", "also write the choices: .json, .csv or .parquet", PLACES, "=FILE"),
        Option("board", "path", "the folder of the board", PLACES, "=DIR", "HOME/boards/board"),
        Option("database", "text", "the address of the board's PostgreSQL database", PLACES, "=URL"),
        home_option(PRODUCT),
        quiet_option(),
        *output_options(),
    )
    summary = "Show a board: CPUs with models ranked, with their states, and how many contributors stand behind them."
    return Command("show", "board", summary, options, "cm show board --board=BOARD --benchmark=resnet --pareto")
