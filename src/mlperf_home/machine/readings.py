"""What the machine tells, or why it does not; and whether something else disturbed a run, by stated limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.readings import Noise, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

STEAL_LIMIT_PERCENT = 1.0
"""A machine of one's own has none; at one percent every hundredth query waits a whole time slice of the hypervisor."""
OTHER_CPU_LIMIT_PERCENT = 5.0
"""The services of an idle system take 1 to 2; from 5 on, a run of all cores is slower by as much."""
FREQUENCY_DROP_LIMIT_PERCENT = 10.0
"""The clock moves in steps of 25 to 100 MHz, some percent; a tenth less is another machine."""
_SHARES = (
    ("steal_percent", STEAL_LIMIT_PERCENT, "the hypervisor gave {:.1f} % of the CPUs' time to others"),
    ("other_cpu_percent", OTHER_CPU_LIMIT_PERCENT, "other programs used {:.1f} % of the CPUs' time"),
)


def unknown(reason: str | None) -> Reading:
    """Make the reading of what the machine does not tell."""
    return Reading(None, reason)


def judge(state: Mapping[str, Reading]) -> Noise:
    """Compare the state of the host, see `mlperf_home.harness.observation.MachineWatch`, with the limits."""
    # Each value that is known as a multiple of its limit, with the phrase for it.
    judged: list[tuple[float, str]] = []
    for name, limit, words in _SHARES:
        if (share := _number(state, name)) is not None:
            judged.append((share / limit, f"{words.format(share)} (limit {limit:g} %)"))
    # Of the fastest CPU: the one that reads is awake both times, while others may rest by then.
    before, after = (_number(state, f"frequency_highest_mhz_{moment}") for moment in ("before", "after"))
    if before and after:
        drop = 100 * (before - after) / before
        words = f"the clock fell from {before:.0f} to {after:.0f} MHz (limit {FREQUENCY_DROP_LIMIT_PERCENT:g} %)"
        judged.append((max(0.0, drop) / FREQUENCY_DROP_LIMIT_PERCENT, words))
    throttled = _number(state, "throttle_count")
    if throttled:
        judged.append((1 + throttled, f"the processor slowed itself for heat {throttled:.0f} times"))
    governor, changed = state["governor"].value, state["governor_after"].value
    if governor and changed and governor != changed:
        judged.append((2.0, f"the frequency governor changed from {governor} to {changed}"))
    because = tuple(words for multiple, words in judged if multiple > 1)
    missing = [state[name].reason for name, _, _ in _SHARES if state[name].value is None]
    disturbance = max((multiple for multiple, _ in judged), default=0.0)
    return Noise(because, round(disturbance, 3), missing[0] if missing and not because else None)


def _number(state: Mapping[str, Reading], name: str) -> float | None:
    value = state[name].value
    return None if value is None else float(value)
