"""Refuse a power run before anything starts, except without a performance run.

Source: MLCommons' power-dev. Its client starts the workload twice: ranging, then testing. Its server, on another
machine, drives SPEC's PTDaemon. PTDaemon reads an accepted power analyser between the socket and the system.
"""

from scriptgraph.api import Context, Done, Outcome, StepFailed


def preprocess(context: Context) -> Outcome:
    """Raise with the requirements of a power run, if there would be one."""
    timed = context.flag("CM_MLPERF_RUN_PERFORMANCE") and context.text("CM_MLPERF_LOADGEN_MODE", "") != "accuracy"
    if timed:
        server = context.text("CM_MLPERF_POWER_SERVER", "")
        raise StepFailed(
            f"--power=yes{f' (power server {server})' if server else ''}: power runs are not supported: they need a "
            "power analyser, SPEC's PTDaemon under licence on a second machine, and MLCommons' power-dev client; leave "
            "--power out (the processor's energy is always recorded if /sys/class/powercap reports it)"
        )
    context.say("--power=yes: has no effect without a performance run")
    return Done()
