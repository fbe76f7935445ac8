"""List the engines with their models that a trial compares."""

from functools import partial

from mlperf_home.errors import LocatedError
from mlperf_home.machine.operating_system import read_os
from mlperf_home.steps.bert_choice import WantedModels, engines_here, entries_of, read_entries
from mlperf_home.steps.engine_obstacles import can_have_python
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Export the entries with blanks around each, as conditions match them, and the reasons of absent engines."""
    machine = read_os()
    with failing_on(LocatedError):
        here, left_out = engines_here(
            machine.machine, machine.libc, partial(can_have_python, offline=context.switches.offline)
        )
        entries = entries_of(read_entries(), WantedModels.read(context), here)
    for reason in left_out:
        context.say(reason)
    return Done(exports={"CM_BERT_ENGINES": f" {' '.join(entries)} ", "CM_BERT_ENGINES_LEFT_OUT": "\n".join(left_out)})
