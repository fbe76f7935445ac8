"""What machines cost an hour, from a table that the user keeps, and what a million inferences cost on them.

Nothing is known of a machine that the table does not name:

{"currency": "USD", "prices": [{"match": "*c5.4xlarge*", "price_per_hour": 0.68}]}
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.rules import load_round
from mlperf_home.rules.rounds import UnknownRoundError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.rules import Round

_ADVICE = 'write {"currency": "USD", "prices": [{"match": "*c5.4xlarge*", "price_per_hour": 0.68}]}'
# A provider has some thousand kinds of machines.
_LIMITS = Limits(size=4 << 20, depth=3, values=100_000)
_MILLION = 1_000_000
_HOUR_S = 3600
_NAMES = ("name", "platform", "cpu", "host_processor_model_name", "system_name")

PRICE, COST = "price_per_hour", "cost_per_million_inferences"
TABLE_NAME = "prices.json"
"""The user's table, in the folder of cache and records."""


class PricesError(LocatedError):
    """The table of prices cannot be read."""


@dataclass(frozen=True)
class Price:
    """A pattern for a machine's name or processor ("*" stands for anything), and its price per hour."""

    match: str
    price_per_hour: float


@dataclass(frozen=True)
class Prices:
    """A table of prices, all in one currency; the first that fits counts."""

    source: str
    currency: str
    prices: tuple[Price, ...]

    def of(self, system: Mapping[str, Value]) -> Value | None:
        """Give a machine's price per hour, with the table and the pattern that it is from; None where none fits."""
        known = (system[name].value for name in _NAMES if name in system)
        words = [str(each).lower() for each in known if each is not None]
        for price in self.prices:
            if any(fnmatchcase(word, price.match.lower()) for word in words):
                return Value(price.price_per_hour, "copied", f"{self.source}: {price.match}, in {self.currency}")
        return None


def read_prices(path: Path) -> Prices:
    """Read a table of prices. Raise PricesError if it cannot be read, is no table, or has a price not above 0."""
    try:
        document = read_json(path, _LIMITS)
    except DocumentError as error:
        raise PricesError(path, error.problem, _ADVICE) from None
    is_table = isinstance(document, dict) and document.keys() == {"currency", "prices"}
    if not is_table or not isinstance(document["currency"], str) or not isinstance(document["prices"], list):
        raise PricesError(path, "is no table of prices", _ADVICE)
    found = []
    for number, each in enumerate(document["prices"]):
        place = f"{path}: prices/{number}"
        is_pair = isinstance(each, dict) and each.keys() == {"match", "price_per_hour"}
        if not is_pair or not isinstance(each["match"], str):
            raise PricesError(place, "is no price", _ADVICE)
        price = each["price_per_hour"]
        if isinstance(price, bool) or not isinstance(price, (int, float)) or not math.isfinite(price) or price <= 0:
            raise PricesError(place, f"price_per_hour is {price!r}", "give a number above 0, or take the line away")
        found.append(Price(each["match"], float(price)))
    return Prices(str(path), document["currency"], tuple(found))


def kept_prices(home: Path) -> Prices | None:
    """Read the table that the user keeps; None where there is none.

    Raises:
        PricesError: it cannot be used.
    """
    path = home / TABLE_NAME
    return read_prices(path) if path.exists() else None


def with_cost(measurement: Measurement, prices: Prices) -> Measurement:
    """Add price and cost to a measurement that has none, where the table names its machine."""
    price = prices.of(measurement.system)
    if price is None or PRICE in measurement.values:
        return measurement
    try:
        rules = load_round(measurement.round)
    except UnknownRoundError:
        return measurement
    costs = cost_values(measurement.values, measurement.scenario, rules, price)
    return replace(measurement, values={**measurement.values, **costs})


def given_price(price_per_hour: float) -> Value:
    """Say that a price was typed."""
    return Value(price_per_hour, "copied", "--price_per_hour, in the price's currency")


def cost_values(values: Mapping[str, Value], scenario: str, rules: Round, price: Value) -> dict[str, Value]:
    """Return the price and the cost per million inferences, from the values of a performance run.

    Where samples come one after another or eight at a time the mean latency counts, for in all of it the machine is
    taken, or the percentile where nothing else is known; where many are under way, samples per second. The price is per
    hour, a number above 0; its source says where it is from, and in which currency.
    """
    per_hour, latency = float(price.value or 0), scenario in {"SingleStream", "MultiStream"}
    key = "mean_latency_ms" if latency else "samples_per_second"
    found, basis = _above_0(values.get(key)), key
    if found is None and latency:  # tables of published results have no other
        found, basis = _above_0(values.get("latency_ms")), "latency_ms (a percentile; the mean is not known)"
    if found is None:
        why = values[key].reason if key in values else "no performance run in this result"
        return {PRICE: price, COST: unknown(f"{key} is not known: {why}")}
    if not latency:
        sample_s = 1 / found
    else:
        samples = rules.scenarios[scenario].samples_per_query or 1
        sample_s = found / 1000 / samples
        basis += "" if samples == 1 else f" of {samples} samples"
    reason = f"{per_hour:g} per hour ({price.source}) and {basis}; the machine does nothing else meanwhile"
    return {PRICE: price, COST: Value(per_hour * sample_s * _MILLION / _HOUR_S, "inferred", reason=reason)}


def _above_0(value: Value | None) -> float | None:
    found = None if value is None else value.value
    return float(found) if isinstance(found, (int, float)) and found > 0 else None
