"""Say where MLPerf's inference source is."""

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Pass on what the repository's step has brought."""
    return Done(
        exports={
            "CM_MLPERF_INFERENCE_SOURCE": context.existing("CM_GIT_REPO_CHECKOUT_PATH"),
            "CM_MLPERF_INFERENCE_SOURCE_COMMIT": context.text("CM_GIT_REPO_CURRENT_HASH"),
        }
    )
