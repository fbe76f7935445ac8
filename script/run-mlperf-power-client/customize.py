"""Refuse a power run before anything starts; runs without a timed part are not concerned."""

from mlperf_home.steps.power import refusal
from scriptgraph.api import Context, Done, Outcome, StepFailed


def preprocess(context: Context) -> Outcome:
    """Say what a power run needs, where there would be one."""
    timed = context.flag("CM_MLPERF_RUN_PERFORMANCE") and context.text("CM_MLPERF_LOADGEN_MODE", "") != "accuracy"
    if timed:
        raise StepFailed(refusal(context.text("CM_MLPERF_POWER_SERVER", "")))
    context.say("--power=yes: power is measured in performance runs, and none is asked for: without effect here")
    return Done()
