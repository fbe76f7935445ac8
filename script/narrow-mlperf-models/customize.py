"""Probe the image classifiers fetched so far, and select those that may still be on the front."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.exploring.narrowing import narrow_models
from scriptgraph.api import Context, Done, Outcome, StepEstimate, failing_on


def estimate(context: Context) -> StepEstimate:
    """Return an unknown duration: it depends on the number of models that may be on the front."""
    what = f"probes of image classifiers, stage {context.text('CM_EXPLORE_STAGE')}"
    return StepEstimate(what, "image classifiers", "", basis="models that may be on the front")


def preprocess(context: Context) -> Outcome:
    """Export the models to fetch next, with blanks around each, as conditions match them."""
    with failing_on(LocatedError):
        path, following = narrow_models(context)
    return Done(exports={"CM_EXPLORE_NARROWING": path, "CM_EXPLORE_MODELS": f" {' '.join(following)} "})
