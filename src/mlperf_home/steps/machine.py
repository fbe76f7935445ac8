"""The machine under test: the system's name in results, facts and prices for measurements, measured targets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.measurements.measurement import Value, unknown
from mlperf_home.measurements.prices import Prices, PricesError, kept_prices, price_option
from scriptgraph.api import Context, failing_on
from scriptgraph.files.atomic import LockedJson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


_UNFRIENDLY = re.compile(r"[^A-Za-z0-9._-]+")
_SOURCE = "detect-cpu"
_COUNTS = {
    "sockets": "CM_HOST_CPU_SOCKETS",
    "cores": "CM_HOST_CPU_PHYSICAL_CORES_PER_SOCKET",
    "memory_total_bytes": "CM_HOST_MEMORY_BYTES",
}


def system_name(hardware: str, parts: Sequence[str]) -> str:
    """Return a system's name in the form of 2023: hardware-implementation-device-backend-vVersion-config.

    Characters that a submission's tree does not allow become underscores.
    """
    return "-".join(_UNFRIENDLY.sub("_", part) for part in (hardware, *parts) if part)


def machine_facts(context: Context, name: str) -> dict[str, Value]:
    """Return the facts that detect-cpu exports, with the system's name; absent facts are unknown.

    The script must read CM_HOST_CPU_MODEL_NAME and the keys above.
    """
    facts = {"name": Value(name, "copied", "the name that results go under")}
    if processor := context.text("CM_HOST_CPU_MODEL_NAME", ""):
        facts["host_processor_model_name"] = Value(processor, "copied", _SOURCE)
    for fact, key in _COUNTS.items():
        number = context.whole(key)
        known = unknown(f"{_SOURCE} does not know it") if number is None else Value(number, "copied", _SOURCE)
        facts[fact] = known
    return facts


class Pricing(NamedTuple):
    """The price of the option, which takes precedence, and the user's table; a price is unknown without both."""

    option: Value | None
    table: Prices | None

    def of(self, system: Mapping[str, Value]) -> Value | None:
        """Return the price of a machine with its source; None if unknown."""
        return self.option or (self.table.of(system) if self.table else None)


def read_pricing(context: Context) -> Pricing:
    """Read the hourly price of machines: from the option, else from the user's table.

    Raises:
        StepFailed: the table cannot be used.
    """
    price = context.number("CM_MLPERF_PRICE_PER_HOUR")
    if price is None:
        with failing_on(PricesError):
            return Pricing(None, kept_prices(context.folders.state.parent))
    return Pricing(price_option(price), None)


class Targets:
    """Measured targets by model and scenario, in one JSON file for each system."""

    def __init__(self, path: Path) -> None:
        self._kept = LockedJson(path)

    def known(self, model: str, scenario: str) -> dict[str, float]:
        """Return {"target_qps": ...} or {"target_latency_ms": ...}; empty if nothing was measured."""
        entry = self._kept.read().get(model, {}).get(scenario, {})
        return {key: float(value) for key, value in entry.items()}

    def store(self, model: str, scenario: str, target: dict[str, float]) -> None:
        """Store the target that a find-performance run has measured."""

        def put(document: dict[str, Any]) -> None:
            document.setdefault(model, {})[scenario] = target

        self._kept.update(put)
