"""Each system under test completes every sample once, with its own output."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness_stub import StubBackend, StubSamples

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.harness.queries.parts import SutParts
from mlperf_home.harness.queries.sut import DirectSut, QueuedSut, ServerSut, make_sut, split_query
from mlperf_home.harness.queries.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer
    from mlperf_home.harness.queries.parts import SystemUnderTest

    Logits = NDArray[np.float32]

GRID = Grid((64, 128, 192, 384), (4, 4, 2, 1), 2)


class Recorder:
    """Collects responses and failures."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.responses: dict[int, Logits] = {}
        self.batches: list[int] = []
        self.failures: list[BaseException] = []
        self.failed = threading.Event()

    def respond(self, ids: Sequence[int], answer: Answer, lengths: NDArray[np.int32] | None) -> None:
        with self.lock:
            assert lengths is not None
            outputs = answer()
            self.batches.append(len(ids))
            for position, identity in enumerate(ids):
                assert identity not in self.responses
                self.responses[identity] = outputs[position, : lengths[position]].copy()

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.failed.set()


def make_parts(recorder: Recorder, count: int = 300, grid: Grid = GRID) -> SutParts:
    samples = StubSamples(Path(str(count)))
    watchdog = Watchdog(60, on_stall=lambda _text: None, on_beat=lambda: None)
    return SutParts(StubBackend(), samples, grid, recorder.respond, watchdog, recorder.fail)


def loaded_sut(scenario: str, parts: SutParts) -> SystemUnderTest:
    sut = make_sut(scenario, parts)
    sut.load(range(parts.samples.count))
    return sut


def query(count: int, first: int = 0) -> tuple[list[int], list[int]]:
    """Return the ids and the indices of a query."""
    positions = range(first, first + count)
    return [1000 + position for position in positions], [(position * 7) % 300 for position in positions]


@pytest.mark.parametrize("scenario", ["Offline", "MultiStream", "Server", "SingleStream"])
def test_every_sample_gets_its_own_output_once(scenario: str) -> None:
    recorder = Recorder()
    parts = make_parts(recorder)
    sut = loaded_sut(scenario, parts)
    ids, indices = query(250)
    size = {"Offline": len(ids), "MultiStream": 8}.get(scenario, 1)
    for start in range(0, len(ids), size):
        sut.issue(ids[start : start + size], indices[start : start + size])
    sut.stop()
    assert recorder.failures == []
    assert recorder.responses.keys() == set(ids)
    for identity, index in zip(ids, indices, strict=True):
        response = recorder.responses[identity]
        assert response.shape == (index % 300 + 10, 2)
        assert (response[:, 0] == index + 1).all()
        assert (response[:, 1] == -index - 1).all()
    assert parts.watchdog.completed == parts.watchdog.issued == 250
    assert parts.watchdog.batches == len(recorder.batches)


def test_each_scenario_has_its_system_under_test() -> None:
    kinds = {"SingleStream": DirectSut, "Offline": QueuedSut, "MultiStream": QueuedSut, "Server": ServerSut}
    for scenario, kind in kinds.items():
        sut = make_sut(scenario, make_parts(Recorder()))
        assert isinstance(sut, kind)
        sut.stop()


def test_server_batches_samples_that_wait_together() -> None:
    recorder = Recorder()
    parts = make_parts(recorder, grid=Grid((384,), (4,), 1))
    gate = threading.Event()
    run = parts.backend.run

    def gated_run(inputs: Inputs) -> Logits:
        gate.wait()
        return run(inputs)

    parts.backend.run = gated_run
    sut = ServerSut(parts)
    sut.load(range(300))
    for position in range(9):
        sut.issue(*query(1, position))
    gate.set()
    sut.stop()
    assert sum(recorder.batches) == 9
    assert max(recorder.batches) == 4


def test_split_query_keeps_ids_and_indices_together() -> None:
    parts = make_parts(Recorder())
    for pending in split_query(*query(40), parts.samples, GRID):
        assert [(identity - 1000) * 7 % 300 for identity in pending.ids] == pending.indices.tolist()


@pytest.mark.parametrize("scenario", ["Offline", "MultiStream", "Server", "SingleStream"])
def test_an_exception_of_the_engine_reaches_fail(scenario: str) -> None:
    recorder = Recorder()
    parts = make_parts(recorder)
    parts.backend.options = {"fail_at_call": 1}
    loaded_sut(scenario, parts).issue(*query(1))
    assert recorder.failed.wait(30)
    assert "fails as requested" in str(recorder.failures[0])


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream"])
def test_an_exception_of_the_issue_call_reaches_fail(scenario: str) -> None:
    recorder = Recorder()
    loaded_sut(scenario, make_parts(recorder)).issue([1], [10**6])
    assert recorder.failed.wait(30)
    assert isinstance(recorder.failures[0], LookupError)


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream"])
def test_unloaded_samples_cannot_be_inferred(scenario: str) -> None:
    recorder = Recorder()
    sut = loaded_sut(scenario, make_parts(recorder))
    sut.unload(range(300))
    sut.issue(*query(1))
    assert recorder.failed.wait(30)


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
def test_logits_without_a_reader_are_not_computed(scenario: str) -> None:
    recorder = Recorder()
    parts = make_parts(recorder)
    completed: list[int] = []
    computed: list[int] = []

    def prepare(inputs: Inputs) -> Callable[[], Answer]:
        return lambda: lambda: computed.append(1) or inputs[0]

    parts.backend.prepare = prepare
    sut = loaded_sut(scenario, replace(parts, respond=lambda ids, _answer, _lengths: completed.extend(ids)))
    sut.issue(*query(1))
    sut.stop()
    assert completed == [1000]
    assert computed == []


class TestSamplesWithoutLength:
    """Images are prepared when they are loaded and inferred one by one."""

    GRID = Grid((), (1,), 2)

    @staticmethod
    def parts(recorder: Recorder, respond: Callable[..., None], grid: Grid = GRID) -> tuple[SutParts, list[int]]:
        """Return parts whose engine answers with an image's number, and the list of prepared images."""
        prepared: list[int] = []

        def prepare(inputs: Inputs) -> Callable[[], Answer]:
            rows = inputs[0]
            prepared.extend(rows[:, 0].astype(int).tolist())
            return lambda: lambda: rows[:, 0]

        samples = SimpleNamespace(
            lengths=None,
            count=3000,
            load=lambda _indices: None,
            unload=lambda _indices: None,
            batch=lambda indices, _length: (indices[:, None].astype(np.float32),),
        )
        watchdog = Watchdog(60, on_stall=lambda _text: None, on_beat=lambda: None)
        backend = SimpleNamespace(prepare=prepare)
        return SutParts(backend, samples, grid, respond, watchdog, recorder.fail), prepared

    @pytest.mark.parametrize(("scenario", "count"), [("Offline", 3000), ("Offline", 5), ("MultiStream", 8)])
    def test_prepared_samples_get_their_own_answers_once(self, scenario: str, count: int) -> None:
        recorder, answers, lock = Recorder(), {}, threading.Lock()

        def respond(ids: Sequence[int], answer: Answer, lengths: None) -> None:
            assert lengths is None
            with lock:
                answers.update(zip(ids, answer().tolist(), strict=True))

        parts, prepared = self.parts(recorder, respond)
        sut = make_sut(scenario, parts)
        sut.load(range(3000))
        before = len(prepared)
        sut.issue([10_000 + each for each in range(count)], [(each * 7) % 3000 for each in range(count)])
        sut.stop()

        assert not recorder.failures
        assert before == len(prepared) == 3000
        assert answers == {10_000 + each: (each * 7) % 3000 for each in range(count)}
        assert parts.watchdog.completed == parts.watchdog.issued == count

    def test_a_sample_that_is_not_loaded_ends_the_run(self) -> None:
        recorder = Recorder()
        parts, _ = self.parts(recorder, lambda *_: None)
        sut = make_sut("Offline", parts)
        sut.load([1, 2])
        sut.unload([2])

        sut.issue([1], [2])

        assert recorder.failed.wait(10)
        assert isinstance(recorder.failures[0], KeyError)

    def test_a_grid_with_batches_is_batched(self) -> None:
        parts, _ = self.parts(Recorder(), lambda *_: None, Grid((), (4,), 1))
        sut = make_sut("Offline", parts)
        sut.stop()

        assert isinstance(sut, QueuedSut)
