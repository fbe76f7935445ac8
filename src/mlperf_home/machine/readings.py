"""Unknown readings, and the noise limits of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.readings import Noise, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

STEAL_LIMIT_PERCENT = 1.0
"""A dedicated machine has no steal; at one percent, every hundredth query waits for a time slice of the hypervisor."""
OTHER_CPU_LIMIT_PERCENT = 5.0
"""The services of an idle machine use 1 to 2 percent; above 5, a run on all cores slows down by as much."""
FREQUENCY_DROP_LIMIT_PERCENT = 10.0
"""The clock moves in steps of 25 to 100 MHz, a few percent; a drop by a tenth changes the result."""
QUOTA_WAIT_LIMIT_PERCENT = 1.0
"""A quota of CPU time stops all threads at once, for up to a tenth of a second: it is felt in the slowest queries."""
_SHARES = (
    ("steal_percent", STEAL_LIMIT_PERCENT, "the hypervisor gave {:.1f} % of the CPUs' time to others"),
    ("other_cpu_percent", OTHER_CPU_LIMIT_PERCENT, "other programs used {:.1f} % of the CPUs' time"),
)


def unknown(reason: str | None) -> Reading:
    """Return a reading without a value."""
    return Reading(None, reason)


def judge(state: Mapping[str, Reading]) -> Noise:
    """Compare the state of the machine, see `mlperf_home.harness.observation.MachineWatch`, with the limits."""
    # Each value that is known as a multiple of its limit, with the phrase for it.
    judged: list[tuple[float, str]] = []
    for name, limit, words in _SHARES:
        if (share := _number(state, name)) is not None:
            judged.append((share / limit, f"{words.format(share)} (limit {limit:g} %)"))
    # Compare the fastest CPU: the reading CPU is awake both times, but others may idle after the run.
    before, after = (_number(state, f"frequency_highest_mhz_{moment}") for moment in ("before", "after"))
    if before and after:
        drop = 100 * (before - after) / before
        words = f"the clock fell from {before:.0f} to {after:.0f} MHz (limit {FREQUENCY_DROP_LIMIT_PERCENT:g} %)"
        judged.append((max(0.0, drop) / FREQUENCY_DROP_LIMIT_PERCENT, words))
    if (waited := _number(state, "quota_wait_percent")) is not None:
        words = f"its quota of CPU time held it back for {waited:.1f} % of the time"
        judged.append((waited / QUOTA_WAIT_LIMIT_PERCENT, f"{words} (limit {QUOTA_WAIT_LIMIT_PERCENT:g} %)"))
    throttled = _number(state, "throttle_count")
    if throttled:
        judged.append((1 + throttled, f"the processor throttled for heat {throttled:.0f} times"))
    governor, governor_after = state["governor"].value, state["governor_after"].value
    if governor and governor_after and governor != governor_after:
        judged.append((2.0, f"the frequency governor changed from {governor} to {governor_after}"))
    reasons = tuple(words for multiple, words in judged if multiple > 1)
    missing = [state[name].reason for name, _, _ in _SHARES if state[name].value is None]
    disturbance = max((multiple for multiple, _ in judged), default=0.0)
    return Noise(reasons, round(disturbance, 3), missing[0] if missing and not reasons else None)


def judge_loading(state: Mapping[str, Reading]) -> str:
    """Return a warning if the opening and loading before the timed section were disturbed; "" otherwise."""
    shares = ((words, limit, _number(state, f"loading_{name}")) for name, limit, words in _SHARES)
    above = [f"{words.format(share)} (limit {limit:g} %)" for words, limit, share in shares if share and share > limit]
    if not above:
        return ""
    return f"while the engine was opened and loaded, {' and '.join(above)}; the timed section is judged by itself"


def _number(state: Mapping[str, Reading], name: str) -> float | None:
    value = state[name].value if name in state else None
    return None if value is None else float(value)
