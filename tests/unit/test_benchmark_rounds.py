"""How the benchmarks compare: in turns, by the median of each round's ratio, against the best of the others."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rounds() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_rounds", ROOT / "benchmarks" / "rounds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_ways_alternate_and_the_first_round_does_not_count(rounds: ModuleType) -> None:
    order: list[str] = []

    def way(name: str, figures: list[float]) -> object:
        left = iter(figures)

        def once() -> float:
            order.append(name)
            return next(left)

        return once

    comparison = rounds.WayComparison("samples/s")
    comparison.run({"a": way("a", [99.0, 2.0, 4.0]), "b": way("b", [99.0, 1.0, 1.0])}, rounds=2)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert comparison.figures == {"a": [2.0, 4.0], "b": [1.0, 1.0]}


def test_a_goal_is_judged_by_the_median_against_the_best_other(
    rounds: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison = rounds.WayComparison(
        "samples/s", {"ours": [6.0, 6.0, 6.0], "b": [3.0, 2.0, 1.0], "c": [1.0, 1.0, 3.0]}
    )
    goal = rounds.Goal("ours / others", "ours", ("b", "c"), 2.0)
    assert comparison.ratios(goal) == [2.0, 3.0, 2.0]
    path = tmp_path / "figures.json"
    assert rounds.report(comparison, (goal,), {"model": "m"}, path)
    document = json.loads(path.read_text())
    assert document["model"] == "m"
    assert document["goals"][0]["median"] == 2.0
    assert "reached" in capsys.readouterr().out


def test_a_latency_has_to_stay_below_its_bound(rounds: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    comparison = rounds.WayComparison("us", {"ours": [10.3, 10.2, 10.0], "bare": [10.0, 10.0, 10.0]})
    goal = rounds.Goal("ours / bare", "ours", ("bare",), 1.01, at_most=True)
    assert not rounds.report(comparison, (goal,), {}, None)
    assert "MISSED" in capsys.readouterr().out


def test_an_interrupted_way_is_not_hidden(rounds: ModuleType) -> None:
    failing = itertools.count()

    def way() -> float:
        if next(failing) == 1:
            raise RuntimeError("gone")
        return 1.0

    with pytest.raises(RuntimeError, match="gone"):
        rounds.WayComparison("s").run({"a": way}, rounds=2)
