"""Write a repository that is a board without a server."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.repository import create_board_repository
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Write the files, and export the folder."""
    with failing_on(LocatedError):
        return Done(exports={"CM_BOARD_REPO_PATH": create_board_repository(context)})
