"""The rounds since v5.1: their three seeds, their benchmarks at the edge, and a layout that others know."""

from __future__ import annotations

import pytest

from mlperf_home.rules import load_round, round_names
from mlperf_home.rules.layouts import LAYOUTS


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("v5.1", (1780908523862526354, 14771362308971278857, 18209322760996052031)),
        ("v6.0", (2465351861681999779, 14276810075590677512, 3936089224930324775)),
        ("v6.1", (2085463073848966840, 2747215439041700203, 16159082839903944936)),
    ],
)
def test_a_newer_round_has_its_own_seeds(name: str, seeds: tuple[int, int, int]) -> None:
    assert tuple(vars(load_round(name).seeds).values()) == seeds


@pytest.mark.parametrize("name", ["v5.1", "v6.0", "v6.1"])
def test_newer_rounds_have_berts_and_resnet_at_the_edge(name: str) -> None:
    rules = load_round(name)
    assert rules.required_scenarios("bert-99", "edge") == ("SingleStream", "Offline")
    assert rules.required_scenarios("resnet", "edge") == ("SingleStream", "MultiStream", "Offline")
    assert rules.min_query_count("Offline", "bert-99") == 10833
    assert rules.min_query_count("Offline", "resnet") == 24576


@pytest.mark.parametrize("name", round_names())
def test_a_tree_of_every_round_is_recognised(name: str) -> None:
    assert load_round(name).submission.layout in LAYOUTS


@pytest.mark.parametrize(("name", "sources"), [("v3.1", "code"), ("v5.1", "code"), ("v6.0", "src"), ("v6.1", "src")])
def test_a_rounds_layout_names_its_sources(name: str, sources: str) -> None:
    assert load_round(name).submission.layout.sources == sources
