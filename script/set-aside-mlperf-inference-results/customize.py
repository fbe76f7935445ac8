"""Move results out of the way; nothing is deleted."""

from mlperf_home.runs.layout import ResultsError, result_folder
from scriptgraph.api import Context, Done, Outcome, Skip, failing_on


def preprocess(context: Context) -> Outcome:
    """Rename the scenario's folder, unless a run is in it."""
    results = context.path("CM_MLPERF_RESULTS_DIR") or context.folders.state.parent / "results"
    style, scenario = context.text("CM_MLPERF_EXECUTION_MODE"), context.text("CM_MLPERF_LOADGEN_SCENARIO")
    folder = result_folder(results, style, context.text("CM_SUT_NAME"), context.text("CM_ML_MODEL_FULL_NAME"), scenario)
    with failing_on(ResultsError), folder.held():
        aside = folder.set_aside()
    if aside is None:
        return Skip("there is nothing to set aside")
    context.say(f"the results so far are kept in {aside}")
    return Done(exports={"CM_MLPERF_SET_ASIDE_PATH": aside})
