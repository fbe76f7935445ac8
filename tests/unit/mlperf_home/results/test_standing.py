"""The place of a result among published ones: of the same model, scenario and runtime class only."""

from __future__ import annotations

from typing import Any

import pytest
from stored_results import MODEL, measured

from mlperf_home.measurements.measurement import Value
from mlperf_home.published.results import PublishedModel, PublishedResults, PublishedRow, PublishedSystem
from mlperf_home.results import standing
from mlperf_home.results.standing import standing_of

LATENCIES_MS = {"Slow": 20.0, "Middle": 10.0, "Quick": 2.0, "Live": 1.0}


def system(cpu: str) -> PublishedSystem:
    return PublishedSystem(
        round="v3.0",
        organization="org",
        platform="p",
        name=f"{cpu} box",
        cpu=cpu,
        family="family",
        sockets="1",
        cores="4",
        framework="f",
        runtime="litert",
        live_preprocessing=cpu == "Live",
    )


def published() -> PublishedResults:
    rows = enumerate(LATENCIES_MS.values())
    return PublishedResults(
        schema=1,
        benchmark="resnet",
        source="s",
        licence="l",
        left_out="",
        sample=False,
        scenarios=("SingleStream",),
        models=(PublishedModel(name=MODEL),),
        systems=tuple(map(system, LATENCIES_MS)),
        rows=tuple(PublishedRow(number, 0, 0, latency_ms, None, None, None, None) for number, latency_ms in rows),
    )


@pytest.fixture
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "shipped_results", lambda _name: published())


@pytest.mark.usefixtures("_shipped")
class TestComparable:
    def test_the_place_has_percentile_and_neighbours(self) -> None:
        found = standing_of(measured(latency_ms=5.0))

        assert str(found) == "faster than 67 % of 3 systems with 3 CPUs; next faster Quick; next slower Middle"
        assert found is not None
        assert found.to_json() == {
            "percentile": pytest.approx(66.7, abs=0.1),
            "systems": 3,
            "cpus": 3,
            "next_faster": "Quick",
            "next_slower": "Middle",
        }

    def test_live_preprocessing_is_left_out(self) -> None:
        assert (
            str(standing_of(measured(latency_ms=1.5)))
            == "faster than 100 % of 3 systems with 3 CPUs; next slower Quick"
        )

    @pytest.mark.parametrize(
        "changes", [{"sample": True}, {"validity": "INVALID"}, {"latency_ms": None}, {"benchmark": "other"}]
    )
    def test_some_results_have_no_place(self, changes: dict[str, Any]) -> None:
        assert standing_of(measured(**changes)) is None

    def test_another_scenario_has_a_reason(self) -> None:
        assert str(standing_of(measured(scenario="Offline"))) == "nobody published Offline of this model"

    def test_another_runtime_has_a_reason_and_no_percentile(self) -> None:
        found = standing_of(measured(engine="tflite"))

        assert found is not None
        assert found.to_json() == {
            "reason": "published results used litert, not tflite-runtime: runtimes differ more than machines"
        }

    def test_an_engine_with_a_delegate_is_another_runtime(self) -> None:
        found = measured()
        with_delegate = measured()
        object.__setattr__(with_delegate, "engine", {**found.engine, "delegate": Value("/lib/d.so", "copied")})

        assert "not litert with a delegate" in str(standing_of(with_delegate))


def test_litert_has_no_place_among_the_shipped_results() -> None:
    text = str(standing_of(measured()))

    assert text.startswith("published results used armnn-neon, ")
    assert "not litert" in text


def test_deepsparse_has_a_place_among_the_shipped_results() -> None:
    model = "obert-large-pruned95_quant-none-vnni-bert-99"
    rate = {"samples_per_second": 50.0}

    found = standing_of(
        measured(model, None, engine="deepsparse", benchmark="bert-99", scenario="Offline", values=rate)
    )

    assert found is not None
    assert found.place is not None
    assert found.place.systems == 15
    assert all(each.value >= 50.0 for each in found.place.faster)
