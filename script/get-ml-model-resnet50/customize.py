"""Locate the model, and read the resolution of its images."""

from mlperf_home.engines.base import BackendError
from mlperf_home.steps.reference_classifier import describe_reference
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else the sample's, else the downloaded one."""
    with failing_on(BackendError):
        return Done(exports=describe_reference(context))
