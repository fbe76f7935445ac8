"""`cm show`, `find` and `rm result`: the best of each model, conditions, fronts, tables, and safe removal."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from stored_results import MODEL, measured, store

from mlperf_home.measurements.layout import ResultFolder
from mlperf_home.results.commands import answer

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "mobilenet-v2/1.0/224/fp32"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    results = tmp_path / "results"
    store(results, "valid_results/box/a/singlestream", measured())
    store(results, "valid_results/box/b/singlestream", measured(OTHER, 9.0, values={"top1_percent": 75.0}))
    return results


def ask(action: str, root: Path, word: str = "", **options: Any) -> dict[str, Any]:
    subject = {"artifact": word} if word else {}
    return answer(action, {"results_dir": str(root), **subject, **options})


def names(answered: dict[str, Any]) -> list[str]:
    assert answered["return"] == 0, answered.get("error")
    return [each["result"] for each in answered["results"]]


class TestShow:
    def test_the_best_of_each_model_is_shown(self, root: Path) -> None:
        store(root, "test_results/box/a/singlestream", measured(latency_ms=4.0, unofficial_because=("short",)))
        store(root, "valid_results/other/a/singlestream", measured(latency_ms=3.0, validity="INVALID"))
        store(root, "valid_results/third/a/singlestream", measured(latency_ms=4.9))

        assert names(ask("show", root)) == ["valid_results/third/a/singlestream", "valid_results/box/b/singlestream"]
        assert len(names(ask("show", root, all=True))) == 5

    def test_engines_and_scenarios_are_kept_apart(self, root: Path) -> None:
        store(root, "valid_results/box/a2/singlestream", measured(engine="tflite"))
        store(root, "valid_results/box/a/offline", measured(scenario="Offline", values={"samples_per_second": 9.0}))

        assert len(names(ask("show", root))) == 4

    @pytest.mark.parametrize(
        ("conditions", "count"),
        [
            ({"model": MODEL}, 1),
            ({"model": "MOBILENET-*"}, 2),
            ({"benchmark": "resnet", "scenario": "singlestream", "system": "a cpu"}, 2),
            ({"valid": True, "system": "box"}, 2),
        ],
    )
    def test_conditions_select_results(self, root: Path, conditions: dict[str, Any], count: int) -> None:
        store(root, "valid_results/old/b/singlestream", measured("third", validity="INVALID", benchmark="bert-99"))

        assert len(names(ask("show", root, **conditions))) == count

    def test_a_condition_without_results_names_the_models(self, root: Path) -> None:
        error = ask("show", root, model="none")["error"]

        assert error.startswith("--model=none: no result in ")
        assert error.endswith(f"{MODEL}, {OTHER}")

    def test_a_front_never_mixes_samples_with_real_results(self, root: Path) -> None:
        store(root, "sample_results/box/s/singlestream", measured("toy", 0.1, sample=True))

        fronts = ask("show", root, pareto=True)["fronts"]

        assert sorted((front["sample"], len(front["front"])) for front in fronts) == [(False, 2), (True, 1)]

    def test_published_results_are_shown_on_request(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        alone, beside = ask("show", root), ask("show", root, published=True, out="con")

        assert "published" not in alone
        assert {each["model"]["name"]["value"] for each in beside["published"]} == {MODEL, OTHER}
        assert "Published, with any runtime" in capsys.readouterr().out

    def test_one_model_is_shown_among_its_neighbours(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        ask("show", root, published=True, model=MODEL, out="con")

        lines = capsys.readouterr().out.splitlines()
        mine = next(number for number, line in enumerate(lines) if "this machine" in line)
        assert "litert" in lines[mine]
        assert "tflite" in lines[mine + 1]

    def test_samples_have_no_published_results(self, tmp_path: Path) -> None:
        store(tmp_path, "sample_results/box/s/singlestream", measured(sample=True))

        shown = ask("show", tmp_path, published=True)

        assert "published" not in shown
        assert shown["results"][0]["standing"] is None

    def test_a_table_has_an_empty_cell_for_the_unknown(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        store(root, "valid_results/box/c/singlestream", measured("=SUM(A1)", None))

        assert ask("show", root, csv="-", out="con")["return"] == 0

        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [(row["model"], row["latency_ms"]) for row in rows] == [
            (MODEL, "5.0"),
            (OTHER, "9.0"),
            ("'=SUM(A1)", ""),
        ]

    def test_a_table_can_be_a_file_with_published_rows(self, root: Path, tmp_path: Path) -> None:
        ask("show", root, csv=str(tmp_path / "t.csv"), published=True, model=MODEL)

        with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["where"] for row in rows} == {"here", "published"}
        assert {row["model"] for row in rows} == {MODEL}

    def test_json_and_a_table_cannot_share_the_output(self, root: Path) -> None:
        assert ask("show", root, csv="-", out="json")["error"].startswith("--csv=-: the answer in JSON")

    def test_a_damaged_file_is_told_once(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        store(root, "valid_results/box/d/singlestream", measured())
        (root / "valid_results/box/d/singlestream/measurement.json").write_text("{")

        for _ in range(2):
            assert len(names(ask("find", root, out="con"))) == 2

        warnings = [line for line in capsys.readouterr().err.splitlines() if "d/singlestream/measurement.json" in line]
        assert len(warnings) == 1

    def test_no_results_are_said_with_their_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert names(ask("show", tmp_path / "none", out="con")) == []
        assert f"there are no results in {tmp_path / 'none'}" in capsys.readouterr().out


class TestRemove:
    NAME = "valid_results/box/a/singlestream"

    def test_a_result_is_removed_with_its_empty_parents(self, root: Path) -> None:
        assert ask("rm", root, self.NAME, f=True)["removed"] == [self.NAME]

        assert not (root / "valid_results/box/a").exists()
        assert names(ask("find", root)) == ["valid_results/box/b/singlestream"]
        assert not list(root.glob(".removed-*"))

    def test_without_f_and_a_terminal_nothing_is_removed(self, root: Path) -> None:
        assert "add -f" in ask("rm", root, self.NAME)["error"]
        assert (root / self.NAME).is_dir()

    def test_conditions_choose_what_is_removed(self, root: Path) -> None:
        assert ask("rm", root, model=OTHER, f=True)["removed"] == ["valid_results/box/b/singlestream"]

    def test_a_damaged_result_can_be_removed_by_name(self, root: Path) -> None:
        (root / self.NAME / "measurement.json").write_text("{")

        assert ask("rm", root, self.NAME, f=True)["removed"] == [self.NAME]

    def test_without_a_name_or_condition_nothing_is_removed(self, root: Path) -> None:
        assert "which result?" in ask("rm", root, f=True)["error"]

    @pytest.mark.parametrize("name", ["..", "../outside", "/etc", "valid_results/../../outside", ".", "valid_results"])
    def test_nothing_but_a_result_is_removed(self, root: Path, name: str) -> None:
        outside = store(root.parent, "outside", measured())

        assert "use a name from cm find result" in ask("rm", root, name, f=True)["error"]
        assert outside.is_dir()
        assert len(names(ask("find", root))) == 2

    def test_a_link_out_of_the_folder_is_not_followed(self, root: Path) -> None:
        outside = store(root.parent, "outside", measured())
        (root / "link").symlink_to(outside)

        assert "is no folder in" in ask("rm", root, "link", f=True)["error"]
        assert (outside / "measurement.json").is_file()

    def test_a_result_that_a_run_writes_is_kept(self, root: Path) -> None:
        with ResultFolder(root / self.NAME).held():
            assert "is in use by a run" in ask("rm", root, self.NAME, f=True)["error"]

        assert (root / self.NAME / "measurement.json").is_file()
