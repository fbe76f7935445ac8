"""Record the user's consent to a collection's code."""

from mlperf_home.product import PRODUCT
from scriptgraph.api import Context, Done, Outcome, trust_collection


def preprocess(context: Context) -> Outcome:
    """Trust the collection, or revoke that."""
    trusted = not context.flag("CM_COLLECTION_REVOKE")
    found = trust_collection(PRODUCT, context.text("CM_COLLECTION_NAME"), trusted=trusted)
    what = "runs from now on, with your rights" if trusted else "no longer runs"
    context.say(f"the code of {found.name} ({found.scripts}) {what}")
    return Done(exports={"CM_COLLECTION_TRUSTED": trusted})
