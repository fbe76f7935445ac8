"""Select the TFLite to measure with, and show the reason."""

from mlperf_home.machine.operating_system import read_os
from mlperf_home.steps.tflite_choice import NoTfliteError, choose, choose_installed
from scriptgraph.api import (
    Context,
    Done,
    Outcome,
    ScriptGraphError,
    Version,
    failing_on,
    find_interpreter,
    installed_versions,
)


def preprocess(context: Context) -> Outcome:
    """Select by the user's environment, else by the machine."""
    own = context.path("CM_PYTHON_LIB_ENVIRONMENT")
    with failing_on(NoTfliteError):
        if own is not None:
            chosen = choose_installed(installed_versions(context.existing("CM_PYTHON_LIB_ENVIRONMENT")), str(own))
        else:
            machine = read_os()
            chosen = choose(machine.machine, machine.libc, lambda low, high: _has_python(context, low, high))
    context.say(f"backend {chosen.backend}: {chosen.why}")
    return Done(exports={"CM_MLPERF_BACKEND": chosen.backend})


def _has_python(context: Context, minimum: Version, below: Version) -> bool:
    if not context.switches.offline:
        return True  # uv installs a missing one
    try:
        find_interpreter(minimum, below)
    except ScriptGraphError:
        return False
    return True
