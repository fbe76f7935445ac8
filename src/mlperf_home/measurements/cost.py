"""What a million inferences cost on a machine with a price per hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import Value, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.rules import Round

_MILLION = 1_000_000
_HOUR_S = 3600
PRICE = "price_per_hour"


def given_price(price_per_hour: float) -> Value:
    """Say that a price was typed."""
    return Value(price_per_hour, "copied", "--price_per_hour, in the price's currency")


def cost_values(values: Mapping[str, Value], scenario: str, rules: Round, price: Value) -> dict[str, Value]:
    """Give the price and the cost per million inferences.

    Where samples come one after another or eight at a time the mean latency counts, for in all of it the machine is
    taken, or the percentile where nothing else is known; where many are under way, samples per second.

    Args:
        values: of the performance run.
        scenario: the scenario's name.
        rules: the round's rules, for the samples of a query.
        price: per hour, a number above 0; its source says where it is from, and in which currency.
    """
    return {PRICE: price, "cost_per_million_inferences": _cost(values, scenario, rules, price)}


def _cost(values: Mapping[str, Value], scenario: str, rules: Round, price: Value) -> Value:
    per_hour = float(price.value or 0)
    latency = scenario in {"SingleStream", "MultiStream"}
    key = "mean_latency_ms" if latency else "samples_per_second"
    found, basis = _above_0(values.get(key)), key
    if found is None and latency:  # tables of published results have no other
        found, basis = _above_0(values.get("latency_ms")), "latency_ms (a percentile; the mean is not known)"
    if found is None:
        why = values[key].reason if key in values else "no performance run in this result"
        return unknown(f"{key} is not known: {why}")
    if not latency:
        sample_s = 1 / found
    else:
        samples = rules.scenarios[scenario].samples_per_query or 1
        sample_s = found / 1000 / samples
        basis += "" if samples == 1 else f" of {samples} samples"
    cost = per_hour * sample_s * _MILLION / _HOUR_S
    reason = f"{per_hour:g} per hour ({price.source}) and {basis}; the machine does nothing else meanwhile"
    return Value(cost, "inferred", reason=reason)


def _above_0(value: Value | None) -> float | None:
    found = None if value is None else value.value
    return float(found) if isinstance(found, (int, float)) and found > 0 else None
