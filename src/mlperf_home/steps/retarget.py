"""A run that was over too early, for a busy machine had been measured before it: once more, for what it reached.

Offline ends too early where target_qps was too low. SingleStream and MultiStream run out of queries where
target_latency was too high, and LoadGen calls that an error.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.harness.user_conf import LATENCY_FACTOR
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, LogError, read_run, scan_detail
from mlperf_home.loadgen_logs.verdict import mean_latency_ms, ran_out_of_queries
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.steps.launch import HarnessRun

# LoadGen issues a tenth more than the target asks for; one more tenth lets the second run be faster than the first.
_ROOM = 1.1


@dataclass(frozen=True)
class Reached:
    """What a run that was over too early reached.

    Attributes:
        target: as later runs are told it: `target_qps` or `target_latency_ms`.
        conf_key: the end of the key in user.conf.
        conf_value: what the same run has to be told to be long enough.
        said: the same in words.
    """

    target: dict[str, float]
    conf_key: str
    conf_value: float
    said: str


def reached(logs: Path) -> Reached | None:
    """Read what a run reached that was over too early; None for any other run."""
    detail = scan_detail(logs / DETAIL_FILE)
    scenario = str(detail.settings.get("scenario"))
    if ran_out_of_queries(detail.errors):
        mean_ms = mean_latency_ms(scenario, detail.values)
        if scenario not in {"SingleStream", "MultiStream"} or mean_ms is None:
            return None
        key, value = f"{scenario}.target_latency", LATENCY_FACTOR * mean_ms
        return Reached({"target_latency_ms": mean_ms}, key, value, f"its mean latency was {mean_ms:.3g} ms")
    try:
        result = read_run(logs)
    except LogError:
        return None
    rate = result.values.get("result_samples_per_second")
    if scenario != "Offline" or result.values.get("result_min_duration_met") is not False or not rate:
        return None
    said = f"it reached {float(rate):.1f} samples per second"
    return Reached({"target_qps": float(rate)}, "Offline.target_qps", _ROOM * float(rate), said)


def run_and_once_more(
    run: Callable[[HarnessRun], dict[str, float]], warn: Callable[[str], None], wanted: HarnessRun, conf: Path
) -> dict[str, float]:
    """Run, and once more what was over too early.

    Args:
        run: runs it, as `run_harness` does.
        warn: is told why it is run again.
        wanted: the run.
        conf: where the new user.conf is written.

    Returns:
        The target that is to be kept for later runs, or nothing.
    """
    rejected = wanted.folder.rejected(wanted.run)
    shutil.rmtree(rejected, ignore_errors=True)
    try:
        target = run(wanted)
    except StepFailed:
        found = reached(rejected)
        if found is None:
            raise
    else:
        found = reached(wanted.folder.logs(wanted.run))
        if found is None:
            return target
    warn(f"the run was too short: {found.said}; it is run again for that")
    text = Path(wanted.options["user_conf"]).read_text(encoding="utf-8")
    line = re.compile(rf"^(\S+\.{re.escape(found.conf_key)} = ).*$", re.MULTILINE)
    conf.write_text(line.sub(rf"\g<1>{found.conf_value:.6g}", text), encoding="utf-8")
    run(replace(wanted, options={**wanted.options, "user_conf": str(conf)}))
    shutil.rmtree(rejected, ignore_errors=True)
    return found.target
