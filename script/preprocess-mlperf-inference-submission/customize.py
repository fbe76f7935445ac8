"""Infer scenarios of a submission by the round's rules."""

from mlperf_home.rules import UnknownRoundError, load_round
from mlperf_home.submission.assemble.collect import AssembleError
from mlperf_home.submission.assemble.generate import infer_tree
from mlperf_home.submission.check.places import BusyError
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Copy measured results, and mark the copies; existing results stay."""
    root = context.existing("CM_MLPERF_SUBMISSION_DIR")
    with failing_on(UnknownRoundError, BusyError, AssembleError):
        made = infer_tree(root, load_round(context.text("CM_MLPERF_ROUND")))
    for copy in made:
        context.say(f"inferred: {copy.model}, {copy.scenario} from {copy.measured} on {copy.sut}")
    context.say(f"{len(made)} results inferred in {root}")
    return Done(exports={"CM_MLPERF_INFERRED_RESULTS": len(made)})
