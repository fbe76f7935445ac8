"""Write the pages of a board."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.publishing import publish_leaderboard
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Write the pages, and export the first."""
    with failing_on(LocatedError):
        return Done(exports={"CM_BOARD_PAGE": publish_leaderboard(context)})
