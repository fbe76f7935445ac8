"""The fastest engine whose model is accurate enough is chosen, by slices on recorded machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.runs.selection import TrialEntry, TrialPlan
from mlperf_home.engines.base import BackendError
from mlperf_home.selection.trial import select

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.contracts.runs.selection import EngineSelection

SPARSE, DENSE, INT8 = "deepsparse/pruned", "openvino/dense", "openvino/nncf-int8"
# CPU ms of a batch of four at lengths 192 and 384, three layers of BERT-large's shape, one thread of an AMX Xeon.
AMX = {SPARSE: (100, 248), DENSE: (114, 249), INT8: (71, 152)}
# The same, with oneDNN limited to AVX512-VNNI.
VNNI = {SPARSE: (100, 248), DENSE: (479, 960), INT8: (374, 750), "onnxruntime/pruned": (162, 330)}


def entry(name: str) -> TrialEntry:
    backend, _, model = name.partition("/")
    return TrialEntry(
        backend=backend, version="1", python=("python3",), model=model, variation=model, model_path=Path("model.onnx")
    )


def plan(*names: str, scenario: Any = "Offline", budget_s: float = 60.0) -> TrialPlan:
    return TrialPlan(
        entries=tuple(map(entry, names)), scenario=scenario, gate_percent=90.0, features=Path("f"), questions=Path("q"),
        work_dir=Path("w"), cores=1, budget_s=budget_s, check_s=1.0,
    )  # fmt: skip


class RecordedBench:
    """A machine with recorded times, which pass in openings and slices only."""

    def __init__(
        self, trial: TrialPlan, times: Mapping[str, tuple[float, float]], refused: Mapping[str, str] | None = None
    ) -> None:
        self.names = [f"{each.backend}/{each.model}" for each in trial.entries]
        self.times, self.refused = times, refused or {}
        self.now_s = self.opening_s = 0.0
        self.quiet = True
        self.details: dict[int, Mapping[str, Any]] = {}
        self.accuracy: dict[int, str] = {}
        self.disturbed: dict[int, tuple[str, ...]] = {}
        self.open_now: set[int] = set()

    def clock(self) -> float:
        return self.now_s

    def open(self, contender: int) -> None:
        self.now_s += 40
        self.opening_s += 40
        if reason := self.refused.get(self.names[contender]):
            raise BackendError(reason)
        self.open_now.add(contender)
        self.details[contender] = {"precision": "bf16"}
        self.accuracy[contender] = "F1 91.00 (published with this file)"

    def close(self, contender: int) -> None:
        self.open_now.remove(contender)

    def has_room(self) -> bool:
        return True

    def slice(self, contender: int, length: int) -> tuple[float, int]:
        self.now_s += 0.3
        short, long = self.times[self.names[contender]]
        # The three lengths that are probed; the shortest takes about half of the middle one.
        return (short / 2, short, long)[length] / 4000, 5


def tried(
    times: Mapping[str, tuple[float, float]], refused: Mapping[str, str] | None = None
) -> tuple[EngineSelection, RecordedBench]:
    trial = plan(*times)
    bench = RecordedBench(trial, times, refused)
    return select(trial, bench, bench.clock), bench


def test_with_amx_the_dense_int8_model_wins() -> None:
    selection, bench = tried(AMX)

    assert selection.winner.name == "openvino with nncf-int8"
    assert not bench.open_now


def test_without_amx_the_sparse_model_wins() -> None:
    selection, _ = tried(VNNI)

    assert selection.winner.name == "deepsparse with pruned"
    assert selection.settled


def test_losers_keep_their_figures() -> None:
    selection, _ = tried(VNNI)

    dense = selection.tried[1]
    assert dense.share is not None
    assert dense.share == pytest.approx(0.24, abs=0.04)
    assert dense.samples_per_second is not None
    assert any(each.startswith("onnxruntime with pruned: 0.6") for each in selection.losers)


def test_where_deepsparse_refuses_the_others_race() -> None:
    reason = "deepsparse cannot run on this machine"
    selection, _ = tried(VNNI, {SPARSE: reason})

    assert selection.winner.name == "onnxruntime with pruned"
    assert selection.losers[0] == f"deepsparse with pruned: {reason}"


def test_an_engine_below_the_gate_falls_out_with_its_f1() -> None:
    selection, _ = tried(AMX, {INT8: "F1 88.10 (95 %: 86.0 to 89.9) on 400 questions is below 90.00"})

    assert selection.winner.name == "deepsparse with pruned"
    assert "F1 88.10" in selection.losers[-1]


def test_slow_openings_cost_no_engine_its_turn() -> None:
    selection, bench = tried(AMX)

    assert bench.opening_s == 120
    assert all(each.share is not None for each in selection.tried)


def test_without_any_engine_each_reason_is_told() -> None:
    with pytest.raises(
        BackendError, match="no engine is left: deepsparse with pruned: no AVX2; openvino with dense: big"
    ):
        tried({SPARSE: (1, 2), DENSE: (1, 2)}, {SPARSE: "no AVX2", DENSE: "big"})


def test_the_arithmetic_and_the_f1_of_each_are_told() -> None:
    selection, _ = tried(AMX)

    assert {each.precision for each in selection.tried} == {"bf16"}
    assert selection.winner.accuracy.startswith("F1 91.00")


def test_a_single_stream_compares_tails_of_one_call() -> None:
    trial = plan(SPARSE, DENSE, scenario="SingleStream")
    bench = RecordedBench(trial, {SPARSE: (20, 40), DENSE: (10, 20)})

    assert select(trial, bench, bench.clock).winner.backend == "openvino"
