"""Published speeds of one class of CPU: the same CPU, else its family; none for other runtimes or unknown CPUs."""

from __future__ import annotations

import pytest

from mlperf_home.published.class_speeds import bert_speed, image_speed
from mlperf_home.published.results import shipped_results

FLOAT, QUANTISED = "mobilenet-v1/1.0/224/fp32", "mobilenet-v1/1.0/224/uint8"
BERT = "obert-large-pruned95_quant-none-vnni-bert-99"


def latencies(model: str, family: str) -> list[float]:
    tables = shipped_results("images").latencies()
    return [
        table[model] / 1000
        for system, table in tables
        if system.family == family and model in table and system.runtime.startswith(("tflite", "armnn-neon"))
    ]


def test_a_family_has_the_range_of_its_systems() -> None:
    found = image_speed("AMD EPYC 9999", FLOAT, backend="litert", quantised=False)
    published = latencies(FLOAT, "EPYC")

    assert found is not None
    assert found.fastest_s == pytest.approx(min(published) / 1.5)
    assert found.slowest_s == pytest.approx(max(published) * 1.5)
    assert found.basis == f"published results of this class of CPU ({len(published)} systems)"


def test_the_same_cpu_goes_before_its_family() -> None:
    systems = [system.cpu for system in shipped_results("images").systems if system.family == "Ryzen"]
    one = image_speed(systems[0], FLOAT, backend="litert", quantised=False)
    every = image_speed("AMD Ryzen 1 of no list", FLOAT, backend="litert", quantised=False)

    assert one is not None
    assert every is not None
    assert every.fastest_s <= one.fastest_s <= one.slowest_s <= every.slowest_s


@pytest.mark.parametrize(
    ("backend", "low", "high", "words"),
    [
        ("litert", 1 / 9, 1, "LiteRT may be 9 times faster"),
        ("", 1 / 9, 1, "LiteRT may be 9 times faster"),
        ("tflite", 1, 9, "tflite-runtime may be 9 times slower"),
    ],
)
def test_other_runtimes_widen_quantised_models(backend: str, low: float, high: float, words: str) -> None:
    found = image_speed("AMD EPYC", QUANTISED, backend=backend, quantised=True)
    published = latencies(QUANTISED, "EPYC")

    assert found is not None
    assert found.fastest_s == pytest.approx(min(published) * low / 1.5)
    assert found.slowest_s == pytest.approx(max(published) * high * 1.5)
    assert words in found.basis


@pytest.mark.parametrize("cpu", ["", "A CPU that nobody has published"])
def test_an_unlisted_cpu_has_no_range(cpu: str) -> None:
    assert image_speed(cpu, FLOAT, backend="litert", quantised=False) is None
    assert bert_speed(cpu, 4, BERT, "deepsparse") is None


def test_bert_is_scaled_by_cores_and_needs_the_runtime() -> None:
    four, eight = (bert_speed("AMD EPYC 7R32", cores, BERT, "deepsparse") for cores in (4, 8))

    assert four is not None
    assert eight is not None
    assert four.fastest_s == pytest.approx(1 / 12.9917 / 2)
    assert eight.fastest_s == pytest.approx(four.fastest_s / 2)
    assert bert_speed("AMD EPYC 7R32", 4, BERT, "onnxruntime") is None


def test_nine_of_ten_systems_lie_in_the_range_of_the_others() -> None:
    """The range is that of the family's other systems, wider by half."""
    hits = [
        min(others) / 1.5 <= own <= max(others) * 1.5
        for family in ("EPYC", "Carmel", "Cortex-A72", "Cortex-A78AE", "Xeon v4", "Ryzen")
        for times in [latencies(FLOAT, family), latencies(QUANTISED, family)]
        for number, own in enumerate(times)
        if (others := [*times[:number], *times[number + 1 :]])
    ]

    assert len(hits) > 50
    assert sum(hits) >= 0.87 * len(hits)
