"""Forget a collection."""

from mlperf_home.product import PRODUCT
from scriptgraph.api import Context, Done, Outcome, remove_collection


def preprocess(context: Context) -> Outcome:
    """Remove the collection from the list of those that are searched."""
    found = remove_collection(PRODUCT, context.text("CM_COLLECTION_NAME"))
    context.say(f"{found.name} is forgotten; its files stay in {found.scripts}")
    return Done()
