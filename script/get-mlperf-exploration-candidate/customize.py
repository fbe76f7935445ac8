"""Describe a model of an exploration: its file, its dataset and its known accuracy."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.steps.exploring.candidates import describe_candidate
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Write the description, and append its path to those of earlier steps."""
    path = context.output / "candidate.json"
    write_document(path, describe_candidate(context))
    earlier = context.text("CM_EXPLORE_CANDIDATES", "")
    return Done(exports={"CM_EXPLORE_CANDIDATES": f"{earlier}\n{path}".strip()})
