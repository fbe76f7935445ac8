"""Prices come from the user's table, or are unknown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.measurements.measurement import Measurement, Value
from mlperf_home.measurements.prices import PricesError, read_prices, with_cost

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"match": "*C5.4xlarge*", "price_per_hour": 0.72}


def measured(name: str, round_name: str = "v3.1") -> Measurement:
    values = {"mean_latency_ms": Value(10.0, "measured", "log")}
    system = {"name": Value(name, "copied", "folder")}
    return Measurement(round_name, "resnet", "SingleStream", False, "", "VALID", (), (), {}, {}, system, values, {}, ())


def table(tmp_path: Path, *prices: Any, **changes: Any) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"currency": "USD", "prices": list(prices), **changes}))
    return path


def test_a_machine_in_the_table_has_a_cost(tmp_path: Path) -> None:
    prices = read_prices(table(tmp_path, PRICE))

    found = with_cost(measured("aws-c5.4xlarge-1"), prices).values

    assert found["cost_per_million_inferences"].value == pytest.approx(2.0)
    source = f"{tmp_path / 'prices.json'}: *C5.4xlarge*, in USD"
    assert found["price_per_hour"] == Value(0.72, "copied", source)
    assert f"0.72 per hour ({source}) and mean_latency_ms" in str(found["cost_per_million_inferences"].reason)


@pytest.mark.parametrize(("name", "round_name"), [("laptop", "v3.1"), ("c5.4xlarge", "v0.7")])
def test_other_machines_and_rounds_have_no_cost(tmp_path: Path, name: str, round_name: str) -> None:
    measurement = measured(name, round_name)

    assert with_cost(measurement, read_prices(table(tmp_path, PRICE))) == measurement


@pytest.mark.parametrize("price", [0, -1, "dear", True, None])
def test_an_invalid_price_is_rejected_with_its_place(tmp_path: Path, price: Any) -> None:
    with pytest.raises(PricesError, match=r"prices/0: price_per_hour is .*write a number above 0"):
        read_prices(table(tmp_path, {**PRICE, "price_per_hour": price}))


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"currency": 1, "prices": []}', '{"currency": "USD", "prices": [1]}', "[" * 100_000),
        '{"currency": "USD", "prices": [{"match": "x", "price_per_hour": NaN}]}',
    ],
)
def test_an_invalid_table_is_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)

    with pytest.raises(PricesError, match=r"^\S*/prices\.json: [^\n]*$"):
        read_prices(path)
