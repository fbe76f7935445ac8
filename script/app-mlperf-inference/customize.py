"""Run LoadGen once, in a process of its own, and put what it leaves into the results."""

from functools import partial
from pathlib import Path
from typing import Any

from mlperf_home.contracts.job import TESTS as COMPLIANCE_TESTS
from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.kept_run import model_exports, require_same
from mlperf_home.steps.launch import HarnessRun, run_and_once_more, run_harness
from mlperf_home.steps.machine import Targets, pricing
from mlperf_home.steps.run_request import (
    asked_folder,
    given_target,
    harness_python,
    noise_repeats,
    read_options,
)
from scriptgraph.api import Context, Done, Outcome, Skip, failing_on


def preprocess(context: Context) -> Outcome:
    """Run what the variations say, unless its whole result is there already."""
    run = context.text("CM_MLPERF_LOADGEN_RUN")
    scenario = context.text("CM_MLPERF_LOADGEN_SCENARIO")
    repeats = noise_repeats(context)
    pricing(context)  # what is wrong with it is said before a long run, not after it
    with failing_on(ResultsError):
        folder, options = asked_folder(context), read_options(context)
    exports: dict[str, Any] = {
        "CM_MLPERF_RESULT_FOLDER": folder.root,
        "CM_MLPERF_SESSION_PATH": folder.session(run),
        "CM_MLPERF_ACCURACY_LOG": folder.logs("accuracy") / "mlperf_log_accuracy.json",
    }
    with failing_on(ResultsError), folder.held():
        if folder.complete(run) and run != "find-performance" and not context.flag("CM_MLPERF_RERUN"):
            require_same(folder, run, options, target_given=given_target(context, scenario) is not None)
            exports |= model_exports(folder, run)
            return Skip(f"the result is there ({folder.logs(run)}); --rerun measures again", exports=exports)
        target = _run(context, HarnessRun(folder, run, options, harness_python(context), repeats), scenario)
        exports |= model_exports(folder, run)
    if target:
        # Only what was measured is told: the runs after it still need it.
        exports |= {
            "CM_MLPERF_MEASURED_TARGET_QPS": target.get("target_qps"),
            "CM_MLPERF_MEASURED_TARGET_LATENCY": target.get("target_latency_ms"),
        }
        known = Targets(Path(context.text("CM_SUT_CONFIG_PATH")))
        known.store(context.text("CM_ML_MODEL_FULL_NAME"), scenario, target)
    return Done(exports=exports)


def _run(context: Context, wanted: HarnessRun, scenario: str) -> dict[str, float]:
    """Run it; where the target was measured on a busy machine and not given, once more what was too short for that."""
    once = partial(run_harness, context.command, context.say)
    if wanted.mode not in {"performance", *COMPLIANCE_TESTS} or given_target(context, scenario) is not None:
        return once(wanted)
    return run_and_once_more(once, context.warn, wanted, context.output / "user.conf")
