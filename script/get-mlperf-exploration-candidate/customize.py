"""Put down where a model of an exploration is, and what is believed of its accuracy."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.steps.exploring.candidates import describe_candidate
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Add a file that describes it to the list of those that earlier steps wrote."""
    path = context.output / "candidate.json"
    write_document(path, describe_candidate(context))
    earlier = context.text("CM_EXPLORE_CANDIDATES", "")
    return Done(exports={"CM_EXPLORE_CANDIDATES": f"{earlier}\n{path}".strip()})
