"""Move results aside; nothing is deleted."""

from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.run_request import requested_folder
from scriptgraph.api import Context, Done, Outcome, Skip, failing_on


def preprocess(context: Context) -> Outcome:
    """Rename the scenario's folder, unless a run uses it."""
    folder = requested_folder(context)
    with failing_on(ResultsError), folder.held():
        aside = folder.set_aside()
    if aside is None:
        return Skip("no results to move aside")
    context.say(f"the earlier results are in {aside}")
    return Done(exports={"CM_MLPERF_SET_ASIDE_PATH": aside})
