"""Runs that end too early, and the targets that make them long enough.

Such a run is repeated with a corrected target, a few times if the rate keeps rising: its target was measured on a
busier machine. An Offline run ends too early if target_qps is too low. SingleStream and MultiStream run out of queries
if target_latency is too high, which LoadGen reports as an error. A Server run is judged at its target, which stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.harness.user_conf import LATENCY_FACTOR, conf_number
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, LogError, read_run, scan_detail
from mlperf_home.loadgen_logs.verdict import mean_latency_ms, ran_out_of_queries

if TYPE_CHECKING:
    from pathlib import Path

MOST_REPEATS = 3
"""The most repetitions of a run that ends too early."""

# LoadGen issues a tenth more queries than the target requires; another tenth allows for a faster second run.
_MARGIN = 1.1


@dataclass(frozen=True)
class CorrectedTarget:
    """The target that makes a run long enough.

    Attributes:
        target: the measured `target_qps` or `target_latency_ms`, for later runs.
        conf_key: the end of the key in user.conf.
        conf_value: the value in user.conf.
        reason: the measurement, for people.
    """

    target: dict[str, float]
    conf_key: str
    conf_value: float
    reason: str

    def apply(self, user_conf: str) -> str:
        """Return the text of user.conf with the target."""
        line = re.compile(rf"^(\S+\.{re.escape(self.conf_key)} = ).*$", re.MULTILINE)
        return line.sub(rf"\g<1>{conf_number(self.conf_value)}", user_conf)


def corrected_target(logs: Path) -> CorrectedTarget | None:
    """Return the target that a run which ended too early needed; None for any other run.

    It always asks more than the run's own target did, so that each repetition is longer.
    """
    detail = scan_detail(logs / DETAIL_FILE)
    scenario, own_qps = str(detail.settings.get("scenario")), float(detail.settings.get("target_qps") or 0)
    if not ran_out_of_queries(detail.errors) and not _is_short(logs):
        return None
    if scenario == "Offline" and (rate := detail.values.get("result_samples_per_second")):
        value = _MARGIN * max(float(rate), own_qps)
        reason = f"it reached {float(rate):.1f} samples per second"
        return CorrectedTarget({"target_qps": float(rate)}, "Offline.target_qps", value, reason)
    mean_ms = mean_latency_ms(scenario, detail.values)
    if scenario not in {"SingleStream", "MultiStream"} or mean_ms is None:
        return None
    # LoadGen logs the target latency of these scenarios as a rate.
    value = min(LATENCY_FACTOR * mean_ms, 1000 / (_MARGIN * own_qps) if own_qps else mean_ms)
    reason = f"its mean latency was {mean_ms:.3g} ms"
    return CorrectedTarget({"target_latency_ms": mean_ms}, f"{scenario}.target_latency", value, reason)


def _is_short(logs: Path) -> bool:
    """Whether a complete run did not last as long as it had to."""
    try:
        return read_run(logs).values.get("result_min_duration_met") is False
    except LogError:
        return False
