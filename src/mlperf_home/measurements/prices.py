"""Prices of machines per hour, from a table of the user's, and the cost of a million inferences.

A machine that the table does not name has no price:

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
"""The file name of the user's table, in the home folder."""


class PricesError(LocatedError):
    """The table of prices cannot be read."""


@dataclass(frozen=True)
class Price:
    """A pattern for a machine's name or processor ("*" matches any text), and its price per hour."""

    match: str
    price_per_hour: float


@dataclass(frozen=True)
class Prices:
    """A table of prices in one currency; the first match counts."""

    source: str
    currency: str
    prices: tuple[Price, ...]

    def of(self, system: Mapping[str, Value]) -> Value | None:
        """Return a machine's price per hour, with table and pattern as its source; None if no pattern matches."""
        known = (system[name].value for name in _NAMES if name in system)
        words = [str(each).lower() for each in known if each is not None]
        for price in self.prices:
            if any(fnmatchcase(word, price.match.lower()) for word in words):
                return Value(price.price_per_hour, "copied", f"{self.source}: {price.match}, in {self.currency}")
        return None


def read_prices(path: Path) -> Prices:
    """Read a table of prices. Raise PricesError if it cannot be read, is malformed, or has a price not above 0."""
    try:
        document = read_json(path, _LIMITS)
    except DocumentError as error:
        raise PricesError(path, error.problem, _ADVICE) from None
    is_table = isinstance(document, dict) and document.keys() == {"currency", "prices"}
    if not is_table or not isinstance(document["currency"], str) or not isinstance(document["prices"], list):
        raise PricesError(path, "is no table of prices", _ADVICE)
    prices = []
    for number, each in enumerate(document["prices"]):
        place = f"{path}: prices/{number}"
        is_pair = isinstance(each, dict) and each.keys() == {"match", "price_per_hour"}
        if not is_pair or not isinstance(each["match"], str):
            raise PricesError(place, "is no price", _ADVICE)
        price = each["price_per_hour"]
        if isinstance(price, bool) or not isinstance(price, (int, float)) or not math.isfinite(price) or price <= 0:
            raise PricesError(place, f"price_per_hour is {price!r}", "write a number above 0, or remove the line")
        prices.append(Price(each["match"], float(price)))
    return Prices(str(path), document["currency"], tuple(prices))


def kept_prices(home: Path) -> Prices | None:
    """Read the user's table in the home folder; return None if there is none.

    Raises:
        PricesError: the table cannot be used.
    """
    path = home / TABLE_NAME
    return read_prices(path) if path.exists() else None


def with_cost(measurement: Measurement, prices: Prices) -> Measurement:
    """Add price and cost to a measurement that has no price, if the table names its machine."""
    price = prices.of(measurement.system)
    if price is None or PRICE in measurement.values:
        return measurement
    try:
        rules = load_round(measurement.round)
    except UnknownRoundError:
        return measurement
    costs = cost_values(measurement.values, measurement.scenario, rules, price)
    return replace(measurement, values={**measurement.values, **costs})


def price_option(price_per_hour: float) -> Value:
    """Return the price of the option --price_per_hour."""
    return Value(price_per_hour, "copied", "--price_per_hour, in the price's currency")


def cost_values(values: Mapping[str, Value], scenario: str, rules: Round, price: Value) -> dict[str, Value]:
    """Return the price and the cost per million inferences, from the values of a performance run.

    In SingleStream and MultiStream the cost is that of the mean latency, in which the machine serves one query; tables
    of published results have only a percentile, which then stands for the mean. In other scenarios the cost follows
    from samples per second. The price is a number above 0, per hour; its source names its place and its currency.
    """
    per_hour, latency = float(price.value or 0), scenario in {"SingleStream", "MultiStream"}
    key = "mean_latency_ms" if latency else "samples_per_second"
    value, basis = _above_0(values.get(key)), key
    if value is None and latency:
        value, basis = _above_0(values.get("latency_ms")), "latency_ms (a percentile; the mean is not known)"
    if value is None:
        why = values[key].reason if key in values else "no performance run in this result"
        return {PRICE: price, COST: unknown(f"{key} is not known: {why}")}
    if not latency:
        sample_s = 1 / value
    else:
        samples = rules.scenarios[scenario].samples_per_query or 1
        sample_s = value / 1000 / samples
        basis += "" if samples == 1 else f" of {samples} samples"
    reason = f"{per_hour:g} per hour ({price.source}) and {basis}; the machine does nothing else meanwhile"
    cost = per_hour * sample_s * _MILLION / _HOUR_S
    known = Value(cost, "inferred", reason=reason) if math.isfinite(cost) else unknown(f"it is too large: {reason}")
    return {PRICE: price, COST: known}


def _above_0(value: Value | None) -> float | None:
    number = None if value is None else value.number
    return number if number and number > 0 else None
