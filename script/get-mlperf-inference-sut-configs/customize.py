"""Export the system's name in results and its measured targets."""

import platform

from mlperf_home.steps.machine import Targets, system_name
from mlperf_home.steps.run_request import user_target
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Name the system, look up its targets, and export whether one has to be measured."""
    suffixes = [context.text(f"CM_MLPERF_SUT_NAME_RUN_CONFIG_SUFFIX{number}", "") for number in (1, 2, 3)]
    config = "-".join(part for part in (context.text("CM_MLPERF_RUN_CONFIG"), *suffixes) if part)
    parts = [context.text(f"CM_MLPERF_{part}") for part in ("IMPLEMENTATION", "DEVICE", "BACKEND")]
    version = context.text("CM_MLPERF_BACKEND_VERSION", "")
    hardware = context.text("CM_HW_NAME", platform.node() or "unnamed")
    name = system_name(hardware, [*parts, f"v{version}" if version else "", config])
    scenario = context.text("CM_MLPERF_LOADGEN_SCENARIO", "Offline")
    model = context.text("CM_ML_MODEL_FULL_NAME", context.text("CM_MLPERF_BENCHMARK", "bert-99"))
    folder = context.folders.state / "systems" / name
    known = Targets(folder / "targets.json").known(model, scenario)
    return Done(
        exports={
            "CM_SUT_NAME": name,
            "CM_SUT_CONFIG_PATH": folder / "targets.json",
            "CM_SUT_CALIBRATION_PATH": folder / f"{system_name(model, [])}-calibration.json",
            "CM_MLPERF_KNOWN_TARGET_QPS": known.get("target_qps"),
            "CM_MLPERF_KNOWN_TARGET_LATENCY": known.get("target_latency_ms"),
            "CM_MLPERF_NEEDS_TARGET": _needs_target(context, scenario, known=bool(known)),
        }
    )


def _needs_target(context: Context, scenario: str, *, known: bool) -> bool:
    if context.flag("CM_MLPERF_RUN_FIND_PERFORMANCE"):
        return True
    if not context.flag("CM_MLPERF_RUN_PERFORMANCE") or context.text("CM_MLPERF_LOADGEN_MODE", "") == "accuracy":
        return False
    requested = user_target(context, scenario) is not None
    return not known and not requested and context.text("CM_MLPERF_EXECUTION_MODE", "test") != "test"
