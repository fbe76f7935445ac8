"""Show what was measured, model by model, and what failed."""

from pathlib import Path

from mlperf_home.errors import LocatedError
from mlperf_home.results.family import family_rows, read_family
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Read the measurements beside each other; failures are named, and end the run as failed."""
    failed = [line for line in context.text("CM_MLPERF_FAILED_MODELS", "").splitlines() if line]
    folder = context.text("CM_MLPERF_RESULT_FOLDER", "")
    measured = 0
    if folder:
        # .../<system>/<model>/<scenario>
        scenario, system = Path(folder).name, Path(folder).parent.parent
        with failing_on(LocatedError):
            measurements = read_family(system, scenario)
        measured = len(measurements)
        sample = any(each.sample for each in measurements)
        title = f"{'SAMPLE RESULTS, no MLPerf results: ' if sample else ''}{system.name}, {scenario}"
        context.table(title, family_rows(measurements))
    if failed:
        listed = "; ".join(failed)
        raise StepFailed(f"{len(failed)} of the models failed; the same command tries them again: {listed}")
    return Done(exports={"CM_MLPERF_MODELS_MEASURED": measured})
