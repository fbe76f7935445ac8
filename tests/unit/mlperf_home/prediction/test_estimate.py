"""Estimates: intervals, the front, the place among published systems, and what widens them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from estimate_requests import IMAGES, MODELS, machine_of, measured_of, request_of

from mlperf_home.pareto.front import front
from mlperf_home.prediction.estimate import EstimateError, estimate, measured_latency

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.studies.estimate import EstimateDocument

EPYC = machine_of("c5a.xlarge")


def made(folder: Path, runtime: str = "tflite-cpp") -> EstimateDocument:
    return estimate(request_of(folder, runtime), MODELS, measured_of(EPYC), IMAGES)


def width(document: EstimateDocument) -> float:
    widths = [math.log(each.interval_ms[1] / each.interval_ms[0]) for each in document.models]
    return sorted(widths)[len(widths) // 2]


def test_most_intervals_contain_the_true_latency(tmp_path: Path) -> None:
    predicted = [each for each in made(tmp_path).models if each.origin == "predicted"]
    inside = [each for each in predicted if each.interval_ms[0] <= EPYC[each.model] <= each.interval_ms[1]]

    assert len(predicted) == 73
    assert len(inside) >= 0.85 * 73


def test_measured_latencies_are_shown_as_measured(tmp_path: Path) -> None:
    measured = [each for each in made(tmp_path).models if each.origin == "measured"]

    assert {each.model for each in measured} == set(IMAGES.probes[:8])
    assert all(each.latency_ms == pytest.approx(EPYC[each.model]) for each in measured)


def test_no_true_front_model_is_called_dominated(tmp_path: Path) -> None:
    models = made(tmp_path).models
    values = [(EPYC[each.model], each.accuracy_percent) for each in models]
    true = front(values, ("min", "max"))

    assert not any(keep and each.standing == "dominated" for keep, each in zip(true, models, strict=True))
    assert sum(each.standing == "dominated" for each in models) > 10
    assert all((each.dominated_by is None) == (each.standing != "dominated") for each in models)


def test_accuracies_are_copied_with_their_source(tmp_path: Path) -> None:
    models = {each.model: each for each in made(tmp_path).models}

    assert models["mobilenet-v1/1.0/224/fp32"].accuracy_percent == pytest.approx(71.678)
    assert "MLPerf inference" in models["mobilenet-v1/1.0/224/fp32"].accuracy_source
    assert "EfficientNet-lite" in models["efficientnet-lite4/int8"].accuracy_source


def test_a_runtime_that_nobody_published_has_wider_intervals(tmp_path: Path) -> None:
    known, unknown = made(tmp_path), made(tmp_path, "litert")

    assert width(unknown) > 1.1 * width(known)
    assert (known.warnings, known.no_position) == ((), "")
    assert "no published machine used litert" in unknown.warnings[0]


def test_a_runtime_that_nobody_published_has_no_place(tmp_path: Path) -> None:
    assert [each.model for each in made(tmp_path).positions] == list(IMAGES.probes[:8])
    assert made(tmp_path, "litert").positions == ()
    assert "not litert" in made(tmp_path, "litert").no_position


def test_a_machine_unlike_the_crowd_is_called_so(tmp_path: Path) -> None:
    odd = {model: value * (12 if model.endswith("int8") else 1) for model, value in EPYC.items()}

    document = estimate(request_of(tmp_path), MODELS, measured_of(odd), IMAGES)

    assert "unlike the published ones" in document.warnings[-1]
    assert width(document) > 1.5 * width(made(tmp_path))


def test_probes_that_differ_are_called_noisy(tmp_path: Path) -> None:
    noisy = {model: each._replace(noise_sd=0.4) for model, each in measured_of(EPYC).items()}

    document = estimate(request_of(tmp_path), MODELS, noisy, IMAGES)

    assert "the probes of 8 of 8 measured models differ much" in document.warnings[-1]
    assert width(document) > 1.5 * width(made(tmp_path))


def test_two_measured_models_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(EstimateError, match="2 models were measured, an estimate needs 3"):
        estimate(request_of(tmp_path), MODELS, measured_of(EPYC, IMAGES.probes[:2]), IMAGES)


def test_a_disturbed_probe_does_not_move_the_latency() -> None:
    calm, disturbed = measured_latency([1.0, 1.01, 0.99]), measured_latency([1.0, 1.01, 3.0])

    assert disturbed.latency_ms == pytest.approx(calm.latency_ms, rel=0.02)
    assert disturbed.noise_sd > 3 * calm.noise_sd >= 0.03
