"""The place of a latency among published ones."""

from __future__ import annotations

from mlperf_home.published.positions import positions_of, runtimes_of, why_no_position
from mlperf_home.published.results import shipped_results

IMAGES = shipped_results("images")
MODEL = "mobilenet-v1/1.0/224/fp32"


def test_a_place_counts_systems_of_its_runtime_class() -> None:
    latencies = [
        table[MODEL] for system, table in IMAGES.latencies() if system.runtime == "tflite-cpp" and MODEL in table
    ]

    (position,) = positions_of(IMAGES, "tflite-cpp", [(MODEL, sorted(latencies)[5])])

    assert position.systems == len(latencies)
    assert position.slower == len(latencies) - 6
    assert position.cpus < position.systems
    assert position.next_faster
    assert position.next_slower


def test_the_fastest_of_all_has_nobody_before_it() -> None:
    (position,) = positions_of(IMAGES, "tflite-cpp", [(MODEL, 0.001)])

    assert position.slower == position.systems
    assert position.next_faster is None


def test_a_model_that_nobody_published_has_no_place() -> None:
    assert positions_of(IMAGES, "tflite-cpp", [("mine", 1.0)]) == []


def test_another_runtime_has_no_place_and_a_reason() -> None:
    assert positions_of(IMAGES, "litert", [(MODEL, 1.0)]) == []
    assert "not litert" in why_no_position(IMAGES, "litert")
    assert why_no_position(IMAGES, "tflite-cpp") == ""


def test_an_unknown_runtime_is_no_class() -> None:
    assert "unknown" not in runtimes_of(IMAGES)
    assert why_no_position(IMAGES, "unknown")
