"""What machines cost an hour, from a table that the user keeps; nothing is known of a machine that it does not name.

{"currency": "USD", "prices": [{"match": "*c5.4xlarge*", "price_per_hour": 0.68}]}
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.cost import PRICE, cost_values
from mlperf_home.measurements.measurement import Value
from mlperf_home.rules import load_round
from mlperf_home.rules.rounds import UnknownRoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

_ADVICE = 'write {"currency": "USD", "prices": [{"match": "*c5.4xlarge*", "price_per_hour": 0.68}]}'
_NAMES = ("name", "platform", "cpu", "host_processor_model_name", "system_name")


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
        told = [system[name].value for name in _NAMES if name in system]
        words = [str(each).lower() for each in told if each is not None]
        for price in self.prices:
            if any(fnmatchcase(word, price.match.lower()) for word in words):
                return Value(price.price_per_hour, "copied", f"{self.source}: {price.match}, in {self.currency}")
        return None


def read_prices(path: Path) -> Prices:
    """Read a table of prices.

    Raises:
        PricesError: it cannot be read, is no table, or has a price that is not above 0.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PricesError(path, f"cannot be read ({error.strerror})", _ADVICE) from None
    except ValueError as error:
        raise PricesError(path, f"is not JSON ({error})", _ADVICE) from None
    if not isinstance(document, dict) or document.keys() != {"currency", "prices"}:
        raise PricesError(path, "is no table of prices", _ADVICE)
    if not isinstance(document["currency"], str) or not isinstance(document["prices"], list):
        raise PricesError(path, "is no table of prices", _ADVICE)
    found = tuple(_price(each, f"{path}: prices/{place}") for place, each in enumerate(document["prices"]))
    return Prices(str(path), document["currency"], found)


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


def _price(given: Any, place: str) -> Price:
    if (
        not isinstance(given, dict)
        or given.keys() != {"match", "price_per_hour"}
        or not isinstance(given["match"], str)
    ):
        raise PricesError(place, "is no price", _ADVICE)
    price = given["price_per_hour"]
    if isinstance(price, bool) or not isinstance(price, (int, float)) or not math.isfinite(price) or price <= 0:
        raise PricesError(place, f"price_per_hour is {price!r}", "give a number above 0, or take the line away")
    return Price(given["match"], float(price))
