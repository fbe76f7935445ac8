"""Write the repository of a board."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.repository import create_board_repository
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Write the repository, and export its folder."""
    with failing_on(LocatedError):
        return Done(exports={"CM_BOARD_REPOSITORY": create_board_repository(context)})
