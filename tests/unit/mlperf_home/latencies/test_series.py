"""Kept times that contradict themselves are refused with their place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kept_times import honest, kept, series

from mlperf_home.contracts.codec import encode
from mlperf_home.latencies.series import read_series
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _set(place: int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["blocks"][3][place] = value

    return change


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        (_set(0, 5), "/blocks/3", "its histogram has"),
        (_set(1, 5), "/blocks/3", "its sum is 5 ns"),
        (_set(2, "1 2 3"), "/blocks/3", "not pairs of whole numbers"),
        (_set(2, "1 0"), "/blocks/3", "not pairs of whole numbers"),
        (_set(2, "1 -4"), "/blocks/3", "not pairs of whole numbers"),
        (_set(2, "9999 1"), "/blocks/3", "a bucket beyond the last"),
        (_set(0, -1), "/blocks/3/0", ">= 0"),
        (_set(0, 1e300), "/blocks/3/0", "int"),
        (lambda document: document["blocks"].pop(), "/blocks", "blocks of 0.0625 s, but lasted"),
        (lambda document: document.update(block_s=1e-300), "/blocks", "blocks of 1e-300 s"),
        (lambda document: document.update(duration_s=1e9), "/blocks", "but lasted 1e+09 s"),
        (lambda document: document.update(duration_s=0), "/duration_s", "> 0.0"),
        (lambda document: document.update(blocks=[[0, 0, ""]], duration_s=0.01), "/blocks", "hold no latency"),
        (lambda document: document.update(kind="completions"), "/blocks/0", "has a histogram or a sum"),
        (lambda document: document.update(schema="mlperf-home/latencies/9"), "/schema", "is not mlperf-home"),
        (lambda document: document.update(blocks=[[1, 5, "5 1"]] * 2000), "/blocks", "length <= 1280"),
    ],
)
def test_a_contradiction_names_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], pointer: str, words: str
) -> None:
    document = encode(kept(honest(2000)))
    change(document)
    path = tmp_path / "latencies.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DocumentError) as caught:
        read_series(path)
    assert caught.value.where == path
    assert caught.value.pointer == pointer
    assert words in caught.value.problem


def test_quantiles_lie_between_the_extremes() -> None:
    run = series([1000] * 50 + [2000] * 50)
    quantiles = [run.histogram.quantile_ns(share) for share in (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0)]
    assert quantiles == sorted(quantiles)
    assert 990 <= quantiles[0] <= 1020
    assert 1990 <= quantiles[-1] <= 2040
