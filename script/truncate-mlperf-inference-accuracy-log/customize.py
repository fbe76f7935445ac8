"""Truncate the accuracy logs of a submission, or restore them."""

from mlperf_home.submission.truncation import TruncationError, fetch_originals, restore_tree, truncate_tree
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Visit the tree once; short logs stay unchanged."""
    root = context.existing("CM_MLPERF_INFERENCE_SUBMISSION_DIR")
    originals = context.output_path("CM_MLPERF_ORIGINALS_DIR", context.folders.state / "accuracy-originals")
    restore, results = context.flag("CM_MLPERF_RESTORE_ORIGINALS"), context.path("CM_MLPERF_RESULTS_DIR")
    with failing_on(TruncationError):
        if restore and results is not None:
            fetch_originals(root, originals=originals, results_dir=results)
        report = (restore_tree if restore else truncate_tree)(root, originals=originals)
    for log in report.logs:
        context.say(f"{log.outcome}: {log.log}")
    return Done(exports={"CM_MLPERF_TRUNCATED_LOGS": report.count, "CM_MLPERF_ORIGINALS_DIR": originals})
