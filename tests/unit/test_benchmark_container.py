"""The interval of the benchmark of containers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = ROOT / "benchmarks" / "container_native.py"
    spec = importlib.util.spec_from_file_location("benchmark_container", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_interval_of_twenty_pairs_is_by_ranks(benchmark: ModuleType) -> None:
    values = [float(value) for value in range(20, 0, -1)]

    # In 95.9 % of samples of 20, the median lies between the 6th and the 15th value.
    assert benchmark.median_interval(values) == (6, 15)


def test_few_pairs_have_their_whole_range(benchmark: ModuleType) -> None:
    assert benchmark.median_interval([3.0, 1.0, 2.0]) == (1, 3)
