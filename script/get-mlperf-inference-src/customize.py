"""Locate MLPerf's inference source."""

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Export the folder and the commit of the repository's step."""
    return Done(
        exports={
            "CM_MLPERF_INFERENCE_SOURCE": context.existing("CM_GIT_REPO_CHECKOUT_PATH"),
            "CM_MLPERF_INFERENCE_SOURCE_COMMIT": context.text("CM_GIT_REPO_CURRENT_HASH"),
        }
    )
