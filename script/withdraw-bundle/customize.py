"""Withdraw a bundle from a board, as its signer."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.changing import withdraw_bundle
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Append the event, and judge the board again."""
    with failing_on(LocatedError):
        withdraw_bundle(context)
    return Done()
