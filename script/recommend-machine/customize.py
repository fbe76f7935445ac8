"""Recommend a CPU and a model."""

from mlperf_home.errors import LocatedError
from mlperf_home.steps.boards.recommending import recommend_machine
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Show the answer, and export the CPU of the best choice of each runtime class."""
    with failing_on(LocatedError):
        answers = recommend_machine(context)
    best = [f"{each.runtime}: {each.fitting[0].key.cpu}" for each in answers if each.fitting]
    return Done(exports={"CM_BOARD_ANSWER": "; ".join(best)})
