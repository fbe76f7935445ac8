"""Describe an engine with a model for a trial."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.steps.bert_trial import describe_entry
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Write a description, and add its path to those of earlier steps."""
    path = context.output / "entry.json"
    write_document(path, describe_entry(context))
    earlier = context.text("CM_BERT_ENTRIES", "")
    return Done(exports={"CM_BERT_ENTRIES": f"{earlier}\n{path}".strip()})
