"""The packages copied into an image from an installed distribution."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from scriptgraph.cli.runs.docker_command import installed_packages

if TYPE_CHECKING:
    from pathlib import Path


def test_packages_missing_in_top_level_txt_are_found(tmp_path: Path) -> None:
    about = tmp_path / "mlperf_home-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mlperf-home\nVersion: 1.0\n")
    (about / "top_level.txt").write_text("scriptgraph\n")
    files = ["scriptgraph/__init__.py", "scriptgraph/fetch/__init__.py", "cm_mlperf_home/__init__.py"]
    files += ["cm_mlperf_home/cmr.yaml", "mlperf_home-1.0.dist-info/METADATA", "../../../bin/cm"]
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    (distribution,) = metadata.distributions(path=[str(tmp_path)])

    assert installed_packages(distribution) == [tmp_path / "cm_mlperf_home", tmp_path / "scriptgraph"]
