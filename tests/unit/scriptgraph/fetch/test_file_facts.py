"""A product's table tells the licence and the size of a download by the longest beginning of its address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.product import PRODUCT
from scriptgraph.fetch.file_facts import DownloadFacts, facts_of

if TYPE_CHECKING:
    from pathlib import Path

BERT_FOLDER = (
    "https://github.com/mlcommons/inference_results_v2.1/raw/master/open/NeuralMagic/code/bert/deepsparse/models"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [("https://a.example/", "MIT", None), ("https://a.example/big", "Apache-2.0", 38_000_000)]
    files = [dict(zip(("prefix", "licence", "about_bytes"), row, strict=True)) for row in rows]
    (tmp_path / "facts.json").write_text(json.dumps({"files": files}))
    return tmp_path / "facts.json"


@pytest.mark.parametrize(
    ("addresses", "facts"),
    [
        (["https://a.example/big.tar"], DownloadFacts("Apache-2.0", 38_000_000)),
        (["https://b.example/x", "https://a.example/small"], DownloadFacts("MIT", None)),
        (["https://b.example/x"], DownloadFacts()),
        ([], DownloadFacts()),
    ],
)
def test_the_longest_beginning_counts(table: Path, addresses: list[str], facts: DownloadFacts) -> None:
    assert facts_of(addresses, table) == facts


def test_without_a_table_nothing_is_known() -> None:
    assert facts_of(["https://a.example/big"], None) == DownloadFacts()


def test_the_size_of_the_default_bert_is_told() -> None:
    facts = facts_of([f"{BERT_FOLDER}/oBERT-Large_95sparse_block4_qat.onnx.tar.xz"], PRODUCT.file_facts)

    assert facts == DownloadFacts("Apache-2.0", 38_200_000)
