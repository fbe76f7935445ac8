"""Collect the results of a fleet's units that have ended, without starting any."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.fleets.ending import collect_fleet
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Visit the machines of the fleet."""
    with failing_on(LocatedError):
        return Done(exports=collect_fleet(context))
