"""What the machine did while a run was timed, as values of the measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.measurement import Value, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

# Stands with the facts about the machine already.
_ELSEWHERE = {"load_average_1min_before"}
MACHINE_FACTS = frozenset({"name", "host_processor_model_name", "sockets", "cores", "memory_total_bytes"})
"""The facts of a measurement's system. Cores are those of one socket, as in MLPerf's tables."""
NOISY = "noisy: "
"""How the warnings begin that say what disturbed a run."""


def host_values(session: Mapping[str, Any]) -> dict[str, Value]:
    """Give the values of a performance run's session; sessions of older versions have none.

    Args:
        session: as the harness wrote it: `state` by name, `noise`, and, of a run that was repeated, `attempts`.
    """
    state = session.get("state") or {}
    values = {
        name: unknown(reading["reason"])
        if reading["value"] is None
        else Value(reading["value"], "measured", f"session: state.{name}")
        for name, reading in state.items()
        if name not in _ELSEWHERE
    }
    if "energy_j" in values:
        energy, samples = values["energy_j"], session["counts"]["samples_completed"]
        if energy.value is None or not samples:
            values["energy_per_sample_j"] = unknown(energy.reason or "no sample was completed")
        else:
            reason = f"energy_j divided by {samples} completed samples"
            values["energy_per_sample_j"] = Value(float(energy.value) / samples, "inferred", reason=reason)
    return values | _noise_values(session)


def noise_warnings(session: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what disturbed a run, one sentence for each limit that was passed."""
    return tuple(f"{NOISY}{words}" for words in (session.get("noise") or {}).get("noisy_because", ()))


def _noise_values(session: Mapping[str, Any]) -> dict[str, Value]:
    noise = session.get("noise")
    if noise is None:
        return {}
    source = "session: noise"
    because = noise["noisy_because"]
    values = {"noisy": Value("yes" if because else "no", "measured", source)}
    if because:
        values["noisy_because"] = Value("; ".join(because), "measured", source)
    elif noise["reason"]:
        values["noisy"] = unknown(noise["reason"])
    if attempts := session.get("attempts"):
        values["noise_attempts"] = Value(len(attempts), "measured", "session: attempts")
    return values
