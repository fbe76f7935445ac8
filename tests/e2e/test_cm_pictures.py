"""`plot,pareto` through the real `cm`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from submission_results import ours

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("matplotlib", reason="Matplotlib is not installed in this Python")
pytest.importorskip("plotly", reason="Plotly is not installed in this Python")

HERE = f"--adr.pictures-environment.environment={sys.executable}"
COLUMNS = (
    "round,organization,platform,system,cpu,sockets,cores,framework,family,multiplier,resolution,precision,top1,"
    "latency_ms,energy_mj"
)


def test_a_published_table_becomes_a_picture_and_a_page(cm: Cm, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [
        f"v3.1,Org,box,Box,CPU,1,4,TFLite,mobilenet-v1,1.0,{each},fp32,{60 + each / 20},{each},," for each in (128, 224)
    ]
    table.write_text("\n".join([COLUMNS, *(row.removesuffix(",") for row in rows)]) + "\n")

    ended = cm.script("plot,pareto", HERE, f"--imported={table}", f"--out_dir={tmp_path / 'out'}")

    assert ended.code == 0, ended.output
    assert "2, 2 on a front" in ended.out
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".csv", ".html", ".json", ".png", ".svg"]


def test_an_absent_experiment_is_an_error_of_one_line(cm: Cm, tmp_path: Path) -> None:
    ended = cm.script("plot,pareto", HERE, f"--out_dir={tmp_path / 'out'}")
    named = cm.script("plot,pareto", HERE, "--experiment=mine", f"--out_dir={tmp_path / 'out'}")

    assert ended.code != 0
    assert "has no such experiment; run one, or use --results_dir" in ended.output
    assert named.code != 0
    assert "there is no experiment 'mine'; there are: none yet" in named.output
    assert "Traceback" not in ended.output + named.output
    assert not (tmp_path / "out").exists()


def test_one_of_results_and_experiments_may_be_empty(cm: Cm, tmp_path: Path) -> None:
    ours(tmp_path / "R")
    both = [f"--experiments_dir={tmp_path / 'E'}", f"--out_dir={tmp_path / 'out'}", HERE]

    drawn = cm.script("plot,pareto", f"--results_dir={tmp_path / 'R'}", *both)
    neither = cm.script("plot,pareto", f"--results_dir={tmp_path / 'none'}", *both)

    assert drawn.code == 0, drawn.output
    assert "1, 1 on a front" in drawn.out
    assert neither.code != 0
    assert "has no measurement.json" in neither.output
