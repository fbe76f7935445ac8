"""Send a bundle to a board."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.sending import send_bundle
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Show what the bundle tells, send it after a consent, and export the address of the result."""
    with failing_on(LocatedError):
        return Done(exports=send_bundle(context))
