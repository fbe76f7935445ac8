"""Take bundles into a board, and judge all of its results."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.collecting import collect_bundles
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Export the numbers of bundles that were taken and refused."""
    with failing_on(LocatedError):
        collected = collect_bundles(context)
    return Done(exports={"CM_BOARD_TAKEN": len(collected.taken), "CM_BOARD_REFUSED": len(collected.refused)})
