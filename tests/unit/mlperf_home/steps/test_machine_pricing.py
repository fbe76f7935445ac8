"""A price is typed, or from the user's table, or not known; which of them is told."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from mlperf_home.measurements.measurement import Value
from mlperf_home.steps.machine import pricing
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.api import Context

SYSTEM = {"name": Value("box", "copied", "folder"), "host_processor_model_name": Value("AMD EPYC", "copied", "x")}


def step(home: Path, typed: float | None = None, price: Any = None) -> Context:
    """Stand for a step's context; with a price, the user keeps a table."""
    if price is not None:
        document = {"currency": "USD", "prices": [{"match": "amd epyc*", "price_per_hour": price}]}
        (home / "prices.json").write_text(json.dumps(document))
    made = SimpleNamespace(folders=SimpleNamespace(state=home / "state"), number=lambda _key: typed)
    return cast("Context", made)


def test_the_tables_price_is_told_with_its_place(tmp_path: Path) -> None:
    found = pricing(step(tmp_path, price=0.68)).of(SYSTEM)

    assert found == Value(0.68, "copied", f"{tmp_path / 'prices.json'}: amd epyc*, in USD")


def test_what_was_typed_wins(tmp_path: Path) -> None:
    found = pricing(step(tmp_path, typed=2.5, price=0.68)).of(SYSTEM)

    assert found is not None
    assert (found.value, found.source) == (2.5, "--price_per_hour, in the price's currency")


def test_without_either_nothing_is_known(tmp_path: Path) -> None:
    assert pricing(step(tmp_path)).of(SYSTEM) is None
    assert pricing(step(tmp_path, price=0.68)).of({"name": SYSTEM["name"]}) is None


@pytest.mark.parametrize(("typed", "price", "said"), [(0, None, "--price_per_hour=0: must"), (None, 0, "prices/0")])
def test_a_price_of_0_is_refused(tmp_path: Path, typed: float | None, price: Any, said: str) -> None:
    with pytest.raises(StepFailed, match=said):
        pricing(step(tmp_path, typed, price))
