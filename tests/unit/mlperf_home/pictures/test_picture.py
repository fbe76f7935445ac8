"""Pictures: the gathered marks, their standings, and the drawn files."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from answers import answer, standing
from pictures import example, mark, picture

from mlperf_home.experiments.experiment import ExperimentError, Experiments
from mlperf_home.experiments.fronts import fronts_of
from mlperf_home.experiments.picture_data import (
    from_experiment,
    from_measurement,
    from_results,
    from_table,
    make_picture,
)
from mlperf_home.measurements.measurement import Measurement, Value
from mlperf_home.measurements.prices import Price, Prices
from mlperf_home.pareto.front import front
from mlperf_home.pictures.picture import PictureError, axis, read_picture, to_json, with_fronts

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.picture import Picture
    from mlperf_home.experiments.experiment import Experiment

PUBLISHED = Path(__file__).parents[5] / "shared" / "data" / "mlperf-results" / "mobilenet.csv"
COLUMNS = "round,organization,platform,system,cpu,sockets,cores,framework,family,multiplier,resolution,precision"


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "table.csv"
    lines = [f"v3.1,Org,box,Box,CPU,1,4,TFLite,mobilenet-v1,{row}" for row in rows]
    path.write_text("\n".join([f"{COLUMNS},top1,latency_ms,energy_mj", *lines]) + "\n")
    return path


def answered(tmp_path: Path, text: str | None = None) -> Experiment:
    experiment = Experiments(tmp_path / "experiments").begin("one", "exploration", ["mobilenet"], {}, sample=True)
    point = standing("mobilenet/0.5", 0.4, intervals={"latency_ms": [0.3, 0.5]})
    official = standing("run", 0.4, official={"latency_ms": 0.41})
    dropped = [standing("bad", 9.0, against=["run"]), standing("broken", None, failed="killed")]
    document = answer([point, official], dropped)
    experiment.answer.write_text(json.dumps(document) if text is None else text)
    return experiment


@pytest.mark.parametrize(
    ("metric", "label", "direction"),
    [
        ("latency_ms", "latency (ms)", "min"),
        ("top1_percent", "top-1 accuracy (%)", "max"),
        ("samples_per_second", "samples per second", "max"),
        ("energy_mj", "energy (mJ)", "min"),
        ("cost_per_million_inferences", "cost per million inferences", "min"),
    ],
)
def test_an_axis_has_a_unit_and_a_direction(metric: str, label: str, direction: str) -> None:
    assert (axis(metric).label, axis(metric).direction) == (label, direction)


@pytest.mark.parametrize("accuracy", ["top1_percent", "f1_percent"])
@pytest.mark.parametrize("cost", ["latency_ms", "samples_per_second", "queries_per_second"])
def test_a_front_and_its_picture_have_the_same_metrics(cost: str, accuracy: str) -> None:
    values = {name: Value(10.0, "measured", "log") for name in (cost, accuracy, "energy_mj")}
    model = {"name": Value("any", "copied")}
    one = Measurement("v3.1", "resnet", "Server", False, "", "VALID", (), (), {}, model, {}, values, {}, ())

    (found,) = fronts_of([one], ())
    drawn = make_picture(list(from_measurement(one, imported=False)), "", "", "")

    assert [each.name for each in found.axes] == [cost, accuracy]
    assert (drawn.x.name, drawn.y.name) == (cost, accuracy)


def test_an_official_run_has_no_interval_of_probes(tmp_path: Path) -> None:
    sources = list(from_experiment(answered(tmp_path), []))

    drawn = with_fronts(make_picture(sources, "", "", ""))

    assert [(each.name, each.judged, each.standing) for each in drawn.marks] == [
        ("mobilenet/0.5", "front", "front"),
        ("run", "front", "dropped"),
        ("bad", "dropped", "dropped"),
    ]
    assert drawn.marks[0].x_interval == (0.3, 0.5)
    assert (drawn.marks[1].x, drawn.marks[1].x_interval) == (0.41, None)
    assert drawn.marks[2].facts["against"] == "run"
    assert drawn.sample
    assert "no MLPerf results" in drawn.notes[-1]


def test_a_damaged_answer_is_an_error(tmp_path: Path) -> None:
    damaged = answer([standing("a", 0.4, likely="yes")])
    for text, fault in (
        ("{}", "missing"),
        (json.dumps(damaged), "/front/0/likely: expected"),
        ("[" * 100_000, "nested"),
    ):
        with pytest.raises(
            ExperimentError, match=rf"answer.json: is not an answer \(.*{fault}.*run the exploration again"
        ):
            list(from_experiment(answered(tmp_path, text), []))


def test_imported_marks_are_compared_among_themselves(tmp_path: Path) -> None:
    rows = list(from_table(table(tmp_path, "1.0,224,fp32,71,9,", "0.5,224,fp32,63,4,", "0.25,224,fp32,50,5,")))
    own = mark("mine", 100, 40)

    drawn = make_picture(rows, "", "", "")
    judged = with_fronts(picture(own, *drawn.marks))

    assert [each.standing for each in judged.marks] == ["front", "front", "front", "dropped"]
    assert {each.system for each in drawn.marks} == {"Box"}
    assert drawn.marks[0].facts["values"] == "copied"


def test_sources_without_a_metric_are_counted_and_not_drawn(tmp_path: Path) -> None:
    rows = list(from_table(table(tmp_path, "1.0,224,fp32,71,9,", "0.5,224,fp32,63,,")))

    assert make_picture(rows, "", "", "").notes == ("1 left out, which lack latency_ms or top1_percent",)


def test_the_error_of_an_unknown_metric_lists_the_known_ones(tmp_path: Path) -> None:
    message = "no measurement has speed; choose among these metrics: latency_ms, top1_percent"
    with pytest.raises(PictureError, match=message):
        make_picture(list(from_table(table(tmp_path, "1.0,224,fp32,71,9,"))), "speed", "", "")


def test_a_picture_needs_measurements(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no measurement has two metrics; choose among these metrics: none"):
        make_picture([], "", "", "")
    with pytest.raises(PictureError, match=r"has no measurement\.json"):
        list(from_results(tmp_path))


def test_a_written_picture_is_read_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text(to_json(example()))
    assert read_picture(path) == example()
    for text in ("", "{}", "[]", "[" * 100_000, '{"schema": 2}', to_json(example()).replace('"x":', '"z":')):
        path.write_text(text)
        with pytest.raises(PictureError, match="it: is not a picture"):
            read_picture(path)


def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, out: Path) -> int:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed in this Python")
    pytest.importorskip("plotly", reason="Plotly is not installed in this Python")
    from mlperf_home.pictures.__main__ import main

    path = tmp_path / "picture.json"
    path.write_text(text, "utf-8")
    monkeypatch.setattr(sys, "argv", ["pictures", "--picture", str(path), "--out", str(out)])
    return main()


def test_equal_pictures_have_equal_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        assert drawn(tmp_path, monkeypatch, to_json(example()), tmp_path / name) == 0

    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["pareto.csv", "pareto.html", "pareto.json", "pareto.png", "pareto.svg"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    page = (tmp_path / "one" / "pareto.html").read_text()
    assert "SAMPLE, no MLPerf results: fronts" in page
    assert page.count("<script") == page.count("</script>")
    with (tmp_path / "one" / "pareto.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["latency_ms_low"] == "0.09"
    assert rows[4]["on_front"] == "yes"
    assert {row["sample"] for row in rows if row["imported"] == "no"} == {"yes"}


def test_a_single_mark_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(tmp_path, monkeypatch, to_json(picture(mark("only", 1, 2))), tmp_path / "out") == 0


def test_an_unwritable_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert drawn(tmp_path, monkeypatch, to_json(example()), tmp_path / "file" / "out") == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published results are not here")
def test_the_front_of_the_published_table_is_by_its_values() -> None:
    drawn = with_fronts(make_picture(list(from_table(PUBLISHED)), "", "", ""))

    expected = front([(each.x, each.y) for each in drawn.marks], ("min", "max"))
    assert len(drawn.marks) > 5000
    assert [each.on_front for each in drawn.marks] == list(expected)


def own_result(name: str, latency_ms: float, top1: float, **changes: Any) -> Measurement:
    values = {"latency_ms": Value(latency_ms, "measured", "log"), "top1_percent": Value(top1, "measured", "log")}
    one = Measurement("v3.1", "resnet", "SingleStream", False, "", "VALID", (), (), {}, {}, {}, values, {}, ())
    return replace(one, model={"name": Value(name, "copied")}, **changes)


def drawn_of(*measurements: Measurement, imported: bool = False) -> Picture:
    sources = [mark for each in measurements for mark in from_measurement(each, imported=imported)]
    return with_fronts(make_picture(sources, "", "", ""))


def test_a_race_and_a_sweep_share_one_front(tmp_path: Path) -> None:
    experiment = Experiments(tmp_path).begin(
        "race", "exploration", [], {"running": {"benchmark": "resnet", "scenario": "SingleStream"}}, sample=True
    )
    judged = [standing("a", 1.0), standing("b", 9.0)]
    experiment.answer.write_text(json.dumps(answer(judged)))
    sweep = own_result("c", 0.5, 95.0, sample=True)

    sources = [*from_experiment(experiment, []), *from_measurement(sweep, imported=False)]
    drawn = with_fronts(make_picture(sources, "", "", ""))

    assert {name: [mark.name for mark in line] for name, line in drawn.staircases().items()} == {
        "SAMPLE resnet, SingleStream, measured here": ["c"]
    }


def test_samples_never_dominate_published_results(tmp_path: Path) -> None:
    published = list(from_table(table(tmp_path, "1.0,224,fp32,71,9,")))
    toys = [own_result("toy", 0.1, 99.0, sample=True), own_result("mine", 20.0, 70.0)]
    own = [mark for each in toys for where in (False, True) for mark in from_measurement(each, imported=where)]

    drawn = with_fronts(make_picture([*published, *own], "", "", ""))

    assert {name: [mark.name for mark in line] for name, line in drawn.staircases().items()} == {
        "resnet, SingleStream, imported": ["mobilenet-v1/1.0/224/fp32"],
        "SAMPLE resnet, SingleStream, imported": ["toy"],
        "resnet, SingleStream, measured here": ["mine"],
        "SAMPLE resnet, SingleStream, measured here": ["toy"],
    }


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("mobilenet-v1-precision_float-1.0-224", "mobilenet-v1/1.0/224/fp32"),
        ("efficientnet-int8-lite4", "efficientnet-lite4/int8"),
        ("mobilenet_0.25_64_int8", "sample-mobilenet/0.25/64/int8"),
        ("my own", "my own"),
    ],
)
def test_a_model_has_one_name_in_all_sources(name: str, model: str) -> None:
    assert [each.name for each in drawn_of(own_result(name, 1.0, 70.0)).marks] == [model]


def test_tables_of_0_1_and_results_have_one_benchmark() -> None:
    old = own_result("old", 1.0, 70.0, benchmark="mobilenets")

    assert [mark.name for mark in drawn_of(old, own_result("new", 2.0, 60.0)).marks if mark.on_front] == ["old"]


def test_invalid_runs_are_counted_and_not_drawn() -> None:
    drawn = drawn_of(own_result("bad", 0.1, 99.0, validity="INVALID"), own_result("good", 1.0, 70.0))

    assert [mark.name for mark in drawn.marks] == ["good"]
    assert drawn.notes == ("1 left out, which are INVALID",)


def test_a_measurement_from_two_sources_is_drawn_once() -> None:
    drawn = drawn_of(own_result("efficientnet-int8-lite4", 1.0, 70.0), own_result("efficientnet-lite4/int8", 1.0, 70.0))

    assert len(drawn.marks) == 1
    assert drawn.notes == ("1 left out, which are shown already",)


def test_a_cost_by_the_table_of_prices_can_be_an_axis(tmp_path: Path) -> None:
    prices = Prices("prices.json", "USD", (Price("box", 3.6),))
    sources = list(from_table(table(tmp_path, "1.0,224,fp32,70.9,10,"), prices))

    made = make_picture(sources, "cost_per_million_inferences", "", "")

    assert [each.x for each in made.marks] == [pytest.approx(10.0)]
