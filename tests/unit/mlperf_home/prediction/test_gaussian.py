"""Predictions of one machine from a few of its latencies."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlperf_home.prediction.calibration import calibrate
from mlperf_home.prediction.crowd import CrowdError, crowd_of
from mlperf_home.prediction.gaussian import learn
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from mlperf_home.prediction.crowd import Crowd

MODELS = [row.model for row in read_classifiers() if not row.sample]


@cache
def crowd() -> Crowd:
    return crowd_of(shipped_results("images"), MODELS)


def test_a_crowd_has_no_gpus_and_only_whole_machines() -> None:
    assert "armnn-opencl" not in crowd().runtimes
    assert np.isfinite(crowd().logs).all()
    assert len(crowd().systems) > 40


def test_a_model_without_published_size_is_refused() -> None:
    with pytest.raises(CrowdError, match="nobody published mine"):
        crowd_of(shipped_results("images"), [*MODELS, "mine"])


def test_eight_latencies_predict_a_machine_left_out() -> None:
    mask = crowd().families == "EPYC"
    others, machine = crowd().only(~mask), crowd().logs[mask][0]
    model = learn(others)
    places = crowd().places(choose_probes(model, MODELS, 8))

    prediction = model.predict(places, machine[places])

    errors = np.abs(np.expm1(machine - prediction.mean))
    assert np.median(errors) < 0.07
    assert errors[places].max() < 0.05


def test_a_scaled_machine_scales_its_prediction() -> None:
    model = learn(crowd())
    places = crowd().places(choose_probes(model, MODELS, 8))
    machine = crowd().logs[0]

    slow, fast = (model.predict(places, machine[places] + shift) for shift in (0.7, 0.0))

    assert np.allclose(slow.mean - fast.mean, 0.7, atol=0.15)


def test_a_machine_unlike_the_crowd_has_wider_intervals() -> None:
    model = learn(crowd())
    places = crowd().places(choose_probes(model, MODELS, 8))
    like = model.predict(places, crowd().logs[0][places])
    unlike = model.predict(places, crowd().logs[0][places] + np.array([0, 1, -1, 1, -1, 1, -1, 1]))

    assert unlike.distance > 4 > like.distance
    assert (unlike.sd > 1.5 * like.sd).all()


def test_the_first_probe_tells_more_than_any_other() -> None:
    model = learn(crowd())
    first = choose_probes(model, MODELS, 1)

    def left(name: str) -> float:
        place = crowd().places([name])
        return float(np.square(model.predict(place, model.mean[place]).sd).sum())

    assert all(left(first[0]) <= left(name) + 1e-9 for name in MODELS)


def test_choosing_more_probes_keeps_the_first_ones() -> None:
    model = learn(crowd())

    assert choose_probes(model, MODELS, 8)[:3] == choose_probes(model, MODELS, 3)
    assert len(set(choose_probes(model, MODELS, 200))) == len(MODELS)


def test_an_unknown_runtime_widens_the_intervals() -> None:
    places = crowd().places(shipped_results("images").probes[:8])

    assert calibrate(crowd(), places, "litert") > 1.1 * calibrate(crowd(), places, "tflite-cpp")
    assert calibrate(crowd(), places, "unknown") == calibrate(crowd(), places, "litert")
