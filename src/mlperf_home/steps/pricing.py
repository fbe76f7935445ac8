"""What the machine costs an hour: as it was typed, or by the table that the user keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.measurements.prices import PricesError, given_price, kept_prices
from scriptgraph.api import StepFailed, failing_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.measurements.measurement import Value
    from mlperf_home.measurements.prices import Prices
    from scriptgraph.api import Context


class Pricing(NamedTuple):
    """A price that was typed, which wins, and the user's table; without both nothing is known."""

    typed: Value | None
    table: Prices | None

    def of(self, system: Mapping[str, Value]) -> Value | None:
        """Give the price of a machine, with where it is from; None where nothing says."""
        return self.typed or (self.table.of(system) if self.table else None)


def pricing(context: Context) -> Pricing:
    """Read what machines cost.

    Raises:
        StepFailed: a price is not above 0, or the table cannot be used.
    """
    price = context.number("CM_MLPERF_PRICE_PER_HOUR")
    if price is None:
        with failing_on(PricesError):
            return Pricing(None, kept_prices(context.folders.state.parent))
    if price <= 0:
        raise StepFailed(f"--price_per_hour={price:g}: must be above 0; leave it out where there is no price")
    return Pricing(given_price(price), None)
