"""`cm show`, `find` and `rm result`, and README's commands with published results, through the real `cm`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resolved_commands import resolve_command
from stored_results import MODEL, measured, store

if TYPE_CHECKING:
    from cm_command import Cm

README = Path(__file__).parents[2] / "README.md"
NAME = "valid_results/box/a/singlestream"


def test_results_are_shown_found_and_removed(cm: Cm, tmp_path: Path) -> None:
    root, place = tmp_path / "R", f"--results_dir={tmp_path / 'R'}"
    store(root, NAME, measured())

    shown = cm("show", "result", place, "--published", "--out=json")
    listed, table = cm("find", "result", place), cm("show", "result", place, "--csv=-")
    refused, removed = cm("rm", "result", NAME, place), cm("rm", "result", NAME, place, "-f")

    assert shown.document["results"][0]["standing"]["reason"].startswith("published results used ")
    assert {each["model"]["name"]["value"] for each in shown.document["published"]} == {MODEL}
    assert NAME in listed.out
    assert table.out.splitlines()[1].startswith(f"here,no,v3.1,resnet,{MODEL},SingleStream,")
    assert "add -f" in refused.output
    assert removed.code == 0, removed.output
    assert not (root / NAME).exists()


def test_commands_of_the_readme_with_published_results_run(cm: Cm) -> None:
    lines = [
        each for each in README.read_text("utf-8").splitlines() if "--published" in each and each.startswith("cm ")
    ]
    assert len(lines) == 2

    for line in lines:
        resolve_command(line)
        ended = cm(*line.split()[1:])
        assert ended.code == 0, ended.output
    assert "published-images: resnet" in cm("show", "experiment", "published-images", "--pareto").out


def test_an_import_takes_one_source(cm: Cm, tmp_path: Path) -> None:
    both = cm.script("import,mlperf,results", "--published=images", f"--input={tmp_path}")
    unknown = cm.script("import,mlperf,results", "--published=all")

    assert "--published is set beside it" in both.output
    assert "must be one of images, berts" in unknown.output
