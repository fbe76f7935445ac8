"""Let a contributor's key hand over to another one on a board."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.changing import rotate_key
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Append the event, and judge the board again."""
    with failing_on(LocatedError):
        rotate_key(context)
    return Done()
