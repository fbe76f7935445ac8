"""Facts about a model's weights: known for published models, unknown for the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results_logs import write_result

from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Weights, with_trial, with_weights
from mlperf_home.measurements.table import summary_rows

if TYPE_CHECKING:
    from pathlib import Path


def test_a_published_model_runs_as_published(tmp_path: Path) -> None:
    model = with_weights(ingest(write_result(tmp_path)), Weights("int8", "example.org")).model

    assert (model["weight_type"].value, model["retraining"].value, model["weight_transformations"].value) == (
        "int8",
        "no",
        "none",
    )


def test_facts_about_a_users_own_model_are_unknown(tmp_path: Path) -> None:
    model = with_weights(ingest(write_result(tmp_path)), Weights("unknown", "the user's file x.onnx")).model

    for key in ("weight_type", "retraining", "weight_transformations"):
        assert model[key].origin == "unknown"
        assert model[key].reason


def test_a_quantisation_here_is_told(tmp_path: Path) -> None:
    weights = Weights("int8", "made here by NNCF", "quantised to int8 by NNCF 3.4.0 with 128 questions")
    model = with_weights(ingest(write_result(tmp_path)), weights).model

    assert model["weight_transformations"].value == "quantised to int8 by NNCF 3.4.0 with 128 questions"


def test_a_trials_losers_stand_in_the_measurement(tmp_path: Path) -> None:
    measurement = with_trial(
        ingest(write_result(tmp_path)), "43.9 % faster than B", ["B: 0.70 of its speed", "C: absent"]
    )

    assert measurement.engine["trial"].value == "43.9 % faster than B"
    assert ("Other engines", "B: 0.70 of its speed; C: absent") in summary_rows(measurement)
