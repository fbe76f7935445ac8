"""Run a command on many machines."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.fleets.running import check_machines, run_fleet
from scriptgraph.api import Context, Done, Outcome, Skip, failing_on


def preprocess(context: Context) -> Outcome:
    """Check the machines, or run the fleet."""
    with failing_on(LocatedError):
        if context.flag("CM_FLEET_CHECK"):
            check_machines(context)
            return Skip("the machines are ready")
        return Done(exports=run_fleet(context))
