"""Serve a board until Ctrl-C."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.serving import serve_leaderboard
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Serve; an interruption ends it."""
    with failing_on(LocatedError):
        serve_leaderboard(context)
    return Done()
