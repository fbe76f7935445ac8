"""Published results that come with the package: complete, aligned with our models, and read within limits."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_home.published import results as module
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import PublishedTableError, read_results, shipped_results
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(module.__file__).parent
MODELS = [row.model for row in read_classifiers() if not row.sample]


def test_every_model_of_ours_has_published_latencies() -> None:
    results = shipped_results("images")
    tables = [table for _, table in results.latencies()]

    assert all(sum(model in table for table in tables) >= 40 for model in MODELS)
    assert set(results.probes) == set(MODELS)


def test_latencies_with_live_preprocessing_are_not_compared() -> None:
    results = shipped_results("images")

    assert any(system.live_preprocessing for system in results.systems)
    assert not any("live" in system.framework for system, _ in results.latencies())


def test_a_row_whose_fields_disagree_has_no_runtime_class() -> None:
    results = shipped_results("images")
    odd = [each for each in results.systems if ("armnn" in each.platform) != ("ARMNN" in each.framework.upper())]

    assert odd
    assert {each.runtime for each in odd} == {"unknown"}


def test_published_berts_name_their_software() -> None:
    results = shipped_results("berts")

    assert len(results.rows) > 400
    assert {"deepsparse", "onnx"} <= {system.runtime for system in results.systems}
    assert any(row.accuracy_percent and row.accuracy_percent > 85 for row in results.rows)


@pytest.mark.parametrize("name", ["images", "berts"])
def test_published_results_state_source_and_licence(name: str) -> None:
    results = shipped_results(name)

    assert not results.sample
    assert results.licence == "Apache-2.0"
    assert results.source in (FOLDER / "NOTICE.md").read_text("utf-8")


def test_the_samples_crowd_is_marked_as_made_up() -> None:
    results = shipped_results("sample")

    assert results.sample
    assert all("Made-up" in system.name and "made up" in system.framework for system in results.systems)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "no xz": lambda _: b"{}",
    "cut short": lambda packed: packed[:-200],
    "other values": lambda _: lzma.compress(b'{"schema": 1}'),
    "no such system": lambda packed: lzma.compress(lzma.decompress(packed).replace(b"[0,0,0,", b"[99,0,0,", 1)),
    "a bomb": lambda _: lzma.compress(bytes(30 << 20)),
    "much memory": lambda packed: lzma.compress(lzma.decompress(packed), preset=9),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_results_are_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "sample.json.xz"
    path.write_bytes(DAMAGES[damage]((FOLDER / "sample.json.xz").read_bytes()))

    with pytest.raises((PublishedTableError, ScriptGraphError)) as caught:
        read_results(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_results_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(PublishedTableError, match="cannot be read"):
        read_results(tmp_path / "nothing")
