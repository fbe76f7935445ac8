"""Show the measurements of all models, and the failures."""

from pathlib import Path

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.table import family_rows, read_family
from mlperf_home.results.published_tables import standing_rows
from mlperf_home.steps.next_commands import after_models
from mlperf_home.steps.reports import failure_rows, failure_summary
from mlperf_home.steps.run_request import results_root
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Show the measurements side by side; raise if a model failed."""
    if context.flag("CM_DATASET_SAMPLE") and context.text("CM_MLPERF_MODELS") == "efficientnet":
        raise StepFailed(
            "no model fits the request: the sample has only MobileNets; leave _sample or _efficientnet out"
        )
    failed = context.failures("CM_MLPERF_FAILED_MODELS")
    if failed:
        context.table("Models that failed", failure_rows(failed))
    # Only the results of this request: other results in the folder may be of models that failed now.
    folders = [Path(line) for line in context.text("CM_MLPERF_RESULT_FOLDERS", "").splitlines() if line]
    if folders:
        # .../<system>/<model>/<scenario>
        scenario, system = folders[-1].name, folders[-1].parent.parent.name
        with failing_on(LocatedError):
            measurements = read_family(folders)
        sample = any(each.sample for each in measurements)
        title = f"{'SAMPLE RESULTS, no MLPerf results: ' if sample else ''}{system}, {scenario}"
        context.table(title, family_rows(measurements))
        if places := standing_rows(measurements):
            context.table("Among published results", places)
        context.suggest(after_models(context, measurements[-1], results_root(context), sample=sample))
    if failed:
        raise StepFailed(failure_summary(failed))
    return Done(exports={"CM_MLPERF_MODELS_MEASURED": len(set(folders))})
