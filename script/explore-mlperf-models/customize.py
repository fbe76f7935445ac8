"""Find which models no other dominates on this machine."""

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.exploring.explore import explore
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Race them, or go on with the race, and show the answer's three parts."""
    with failing_on(LocatedError, ResultsError):
        return Done(exports={"CM_EXPLORE_ANSWER": explore(context)})
