"""Estimate the latency of all image classifiers on this machine from a few that are measured."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.estimating.estimate import make_estimate
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Make the estimate, and show it."""
    with failing_on(LocatedError):
        return Done(exports={"CM_ESTIMATE_PATH": make_estimate(context)})
