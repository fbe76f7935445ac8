"""What a million inferences cost on a machine with a price per hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.results.measurement import Value, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.rules import Round

_MILLION = 1_000_000
_HOUR_S = 3600
_CURRENCY = "in the price's currency"


def cost_values(values: Mapping[str, Value], scenario: str, rules: Round, price_per_hour: float) -> dict[str, Value]:
    """Give the price and the cost per million inferences.

    Where samples come one after another or eight at a time the mean latency counts, for in all of it the machine is
    taken; where many are under way, samples per second.

    Args:
        values: of the performance run.
        scenario: the scenario's name.
        rules: the round's rules, for the samples of a query.
        price_per_hour: above 0, in any currency.
    """
    price = Value(price_per_hour, "copied", f"--price_per_hour, {_CURRENCY}")
    return {"price_per_hour": price, "cost_per_million_inferences": _cost(values, scenario, rules, price_per_hour)}


def _cost(values: Mapping[str, Value], scenario: str, rules: Round, price_per_hour: float) -> Value:
    key = "mean_latency_ms" if scenario in {"SingleStream", "MultiStream"} else "samples_per_second"
    found = values.get(key)
    if found is None or not isinstance(found.value, (int, float)) or found.value <= 0:
        return unknown(f"{key} is not known: {found.reason if found else 'no performance run in this result'}")
    if key == "samples_per_second":
        sample_s, basis = 1 / found.value, key
    else:
        samples = rules.scenarios[scenario].samples_per_query or 1
        sample_s = found.value / 1000 / samples
        basis = key if samples == 1 else f"{key} of {samples} samples"
    cost = price_per_hour * sample_s * _MILLION / _HOUR_S
    reason = f"{price_per_hour:g} per hour and {basis}, {_CURRENCY}; the machine does nothing else meanwhile"
    return Value(cost, "inferred", reason=reason)
