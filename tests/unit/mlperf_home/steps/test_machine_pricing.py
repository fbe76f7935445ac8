"""A price comes from the option or from the user's table, with its source, or is unknown."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from mlperf_home.measurements.measurement import Value
from mlperf_home.steps.machine import read_pricing
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.api import Context

SYSTEM = {"name": Value("box", "copied", "folder"), "host_processor_model_name": Value("AMD EPYC", "copied", "x")}


def step(home: Path, option: float | None = None, price: Any = None) -> Context:
    """Return a fake context with the option of a price; `price` is the one in the user's table."""
    if price is not None:
        document = {"currency": "USD", "prices": [{"match": "amd epyc*", "price_per_hour": price}]}
        (home / "prices.json").write_text(json.dumps(document))
    made = SimpleNamespace(folders=SimpleNamespace(state=home / "state"), number=lambda _key: option)
    return cast("Context", made)


def test_the_tables_price_has_its_place(tmp_path: Path) -> None:
    price = read_pricing(step(tmp_path, price=0.68)).of(SYSTEM)

    assert price == Value(0.68, "copied", f"{tmp_path / 'prices.json'}: amd epyc*, in USD")


def test_the_option_takes_precedence(tmp_path: Path) -> None:
    price = read_pricing(step(tmp_path, option=2.5, price=0.68)).of(SYSTEM)

    assert price is not None
    assert (price.value, price.source) == (2.5, "--price_per_hour, in the price's currency")


def test_without_both_a_price_is_unknown(tmp_path: Path) -> None:
    assert read_pricing(step(tmp_path)).of(SYSTEM) is None
    assert read_pricing(step(tmp_path, price=0.68)).of({"name": SYSTEM["name"]}) is None


def test_a_price_of_0_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="prices/0"):
        read_pricing(step(tmp_path, price=0))
