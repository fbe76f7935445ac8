"""Find which models no other dominates on this machine."""

from mlperf_home.errors import LocatedError
from mlperf_home.runs.exploring import explore
from mlperf_home.runs.layout import ResultsError
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Race them, or go on with the race, and show the answer's three parts."""
    with failing_on(LocatedError, ResultsError):
        return Done(exports={"CM_EXPLORE_ANSWER": explore(context)})
