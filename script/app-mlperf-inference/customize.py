"""Run LoadGen once in its own process, and store its logs with the results."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from mlperf_home.contracts.runs.job import TESTS as COMPLIANCE_TESTS
from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.kept_run import model_exports, require_same
from mlperf_home.steps.launch import HarnessRun, run_harness, run_with_retry
from mlperf_home.steps.machine import Targets, read_pricing
from mlperf_home.steps.run_estimate import estimate_run, note_speed
from mlperf_home.steps.run_request import (
    harness_python,
    read_options,
    requested_folder,
    user_target,
)
from mlperf_home.steps.whole_dataset import require_whole_dataset
from scriptgraph.api import Context, Done, Outcome, Skip, StepEstimate, failing_on


def estimate(context: Context) -> StepEstimate:
    """Return the work of the mode and its expected duration."""
    return estimate_run(context)


def preprocess(context: Context) -> Outcome:
    """Run the mode of the variations, unless its complete result exists."""
    run = context.text("CM_MLPERF_LOADGEN_RUN")
    scenario = context.text("CM_MLPERF_LOADGEN_SCENARIO")
    repeats = context.whole("CM_MLPERF_REPEAT_NOISY") or 0
    read_pricing(context)  # refuses a wrong price before a long run
    with failing_on(ResultsError):
        folder, options = requested_folder(context), read_options(context)
    if context.text("CM_MLPERF_SUBMISSION_DIR", ""):
        require_whole_dataset(options)
    exports: dict[str, Any] = {
        "CM_MLPERF_RESULT_FOLDER": folder.root,
        "CM_MLPERF_SESSION_PATH": folder.session(run),
        "CM_MLPERF_ACCURACY_LOG": folder.logs("accuracy") / "mlperf_log_accuracy.json",
    }
    with failing_on(ResultsError), folder.held():
        if folder.complete(run) and run != "find-performance" and not context.flag("CM_MLPERF_RERUN"):
            require_same(folder, run, options, target_given=user_target(context, scenario) is not None)
            exports |= model_exports(folder, run)
            return Skip(f"the result exists: {folder.logs(run)}; use --rerun to measure again", exports=exports)
        started_s = time.monotonic()
        target = _run(context, HarnessRun(folder, run, options, harness_python(context), repeats), scenario)
        note_speed(context, folder, run, time.monotonic() - started_s)
        exports |= model_exports(folder, run)
    if target:
        # Without a new target, the one of an earlier run stays exported for the next runs.
        exports |= {
            "CM_MLPERF_MEASURED_TARGET_QPS": target.get("target_qps"),
            "CM_MLPERF_MEASURED_TARGET_LATENCY": target.get("target_latency_ms"),
        }
        targets = Targets(Path(context.text("CM_SUT_CONFIG_PATH")))
        targets.store(context.text("CM_ML_MODEL_FULL_NAME"), scenario, target)
    return Done(exports=exports)


def _run(context: Context, request: HarnessRun, scenario: str) -> dict[str, float]:
    """Run the harness; repeat a run that is too short because its target was measured on a busy machine."""
    once = partial(run_harness, context.command, context.say)
    if request.mode not in {"performance", *COMPLIANCE_TESTS} or user_target(context, scenario) is not None:
        return once(request)
    return run_with_retry(once, context.warn, request, context.output / "user.conf")
