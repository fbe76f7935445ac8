"""Refuse a power run before anything starts; runs without a timed part are not concerned.

Source: MLCommons' power-dev: its client starts the workload twice (ranging, then testing) and asks a server, on another
machine, that drives SPEC's PTDaemon, which reads an analyser of the accepted list between the socket and the system.
"""

from scriptgraph.api import Context, Done, Outcome, StepFailed


def preprocess(context: Context) -> Outcome:
    """Say what a power run needs, where there would be one."""
    timed = context.flag("CM_MLPERF_RUN_PERFORMANCE") and context.text("CM_MLPERF_LOADGEN_MODE", "") != "accuracy"
    if timed:
        server = context.text("CM_MLPERF_POWER_SERVER", "")
        raise StepFailed(
            f"--power=yes{f' (power server {server})' if server else ''}: power runs are not served: they need a power "
            "analyser, SPEC's PTDaemon under licence on a second machine, and MLCommons' power-dev client. Leave "
            "--power out: the energy of the processor is recorded by itself where /sys/class/powercap tells it"
        )
    context.say("--power=yes: power is measured in performance runs, and none is asked for: without effect here")
    return Done()
