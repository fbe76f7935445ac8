"""Find the Pareto front of models on this machine."""

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.exploring.explore import explore
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Start or resume the race, and show the three parts of its answer."""
    with failing_on(LocatedError, ResultsError):
        return Done(exports={"CM_EXPLORE_ANSWER": explore(context)})
