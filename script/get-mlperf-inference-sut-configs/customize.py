"""Say what is known of this system: the name of its results, and its measured targets."""

import platform

from mlperf_home.runs.system import Targets, system_name
from scriptgraph.api import Context, Done, Outcome

# Where a scenario's target is given by its own option.
_OWN_OPTIONS = {
    "Offline": "CM_MLPERF_OFFLINE_TARGET_QPS",
    "Server": "CM_MLPERF_SERVER_TARGET_QPS",
    "SingleStream": "CM_MLPERF_SINGLESTREAM_TARGET_LATENCY",
    "MultiStream": "CM_MLPERF_MULTISTREAM_TARGET_LATENCY",
}


def preprocess(context: Context) -> Outcome:
    """Name the system, look its targets up, and say whether one has to be measured."""
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
    shared = "CM_MLPERF_TARGET_QPS" if scenario in {"Offline", "Server"} else "CM_MLPERF_TARGET_LATENCY"
    given = context.value(shared) or context.value(_OWN_OPTIONS[scenario])
    return not known and not given and context.text("CM_MLPERF_EXECUTION_MODE", "test") != "test"
