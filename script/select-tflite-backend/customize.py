"""Select the TFLite to measure with, and show the reason."""

from functools import partial

from mlperf_home.machine.operating_system import read_os
from mlperf_home.steps.engine_obstacles import can_have_python
from mlperf_home.steps.tflite_choice import NoTfliteError, choose, choose_installed
from scriptgraph.api import Context, Done, Outcome, failing_on, installed_versions


def preprocess(context: Context) -> Outcome:
    """Select by the user's environment, else by the machine."""
    own = context.path("CM_PYTHON_LIB_ENVIRONMENT")
    with failing_on(NoTfliteError):
        if own is not None:
            chosen = choose_installed(installed_versions(context.existing("CM_PYTHON_LIB_ENVIRONMENT")), str(own))
        else:
            machine = read_os()
            chosen = choose(machine.machine, machine.libc, partial(can_have_python, offline=context.switches.offline))
    context.say(f"backend {chosen.backend}: {chosen.why}")
    return Done(exports={"CM_MLPERF_BACKEND": chosen.backend})
