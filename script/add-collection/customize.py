"""Add somebody else's collection of scripts."""

from mlperf_home.product import PRODUCT
from scriptgraph.api import Context, Done, Outcome, add_collection


def preprocess(context: Context) -> Outcome:
    """Add the collection, and show which of its manifests load."""
    report = add_collection(PRODUCT, context.existing("CM_COLLECTION_PATH"), context.name("CM_COLLECTION_NAME", ""))
    for problem in report.problems:
        context.warn(str(problem))
    collection, count = report.collection, report.loaded + len(report.problems)
    context.say(f"{collection.name}: {report.loaded} of {count} scripts load from {collection.scripts}")
    if not collection.trusted:
        command = ["cm", "run", "script", "--tags=trust,collection", f"--name={collection.name}"]
        context.suggest([("let its shell code run, after reading it", command)])
    return Done(exports={"CM_COLLECTION_NAME": collection.name, "CM_COLLECTION_SCRIPTS": report.loaded})
