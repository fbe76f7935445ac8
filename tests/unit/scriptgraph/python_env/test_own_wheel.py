"""The wheel of an installation."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from scriptgraph.product import Product
from scriptgraph.python_env.own_wheel import WheelError, installed_packages, write_own_wheel

if TYPE_CHECKING:
    from pathlib import Path


def test_packages_missing_in_top_level_txt_are_found(tmp_path: Path) -> None:
    about = tmp_path / "mlperf_home-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mlperf-home\nVersion: 1.0\n")
    (about / "top_level.txt").write_text("scriptgraph\n")
    files = ["scriptgraph/__init__.py", "scriptgraph/fetch/__init__.py", "cm_mlperf_home/__init__.py"]
    files += ["cm_mlperf_home/cmr.yaml", "mlperf_home-1.0.dist-info/METADATA"]
    for file in files:  # newer readers of such lists leave out what is absent
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    files.append("../../../bin/cm")
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    (distribution,) = metadata.distributions(path=[str(tmp_path)])

    assert installed_packages(distribution) == [tmp_path / "cm_mlperf_home", tmp_path / "scriptgraph"]


def test_a_product_that_is_not_installed_is_an_error(tmp_path: Path) -> None:
    product = Product("absent-product", "cm_absent", tmp_path, "ABSENT_CACHE")

    with pytest.raises(WheelError, match="absent-product: is not installed; run it from an installation"):
        write_own_wheel(product, tmp_path)
