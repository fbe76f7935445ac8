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

from mlperf_home.contracts.grids import Grid
from mlperf_home.harness.queries.parts import Parts
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


def make_parts(recorder: Recorder, count: int = 300, grid: Grid = GRID) -> Parts:
    samples = StubSamples(Path(str(count)))
    watchdog = Watchdog(60, on_stall=lambda _text: None, on_beat=lambda: None)
    return Parts(StubBackend(), samples, grid, recorder.respond, watchdog, recorder.fail)


def ready(scenario: str, parts: Parts) -> SystemUnderTest:
    sut = make_sut(scenario, parts)
    sut.load(range(parts.samples.count))
    return sut


def query(count: int, first: int = 0) -> tuple[list[int], list[int]]:
    """Give ids and indices."""
    positions = range(first, first + count)
    return [1000 + position for position in positions], [(position * 7) % 300 for position in positions]


@pytest.mark.parametrize("scenario", ["Offline", "MultiStream", "Server", "SingleStream"])
def test_every_sample_gets_its_own_output_once(scenario: str) -> None:
    recorder = Recorder()
    parts = make_parts(recorder)
    sut = ready(scenario, parts)
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


def test_the_scenarios_have_the_systems_made_for_them() -> None:
    kinds = {"SingleStream": DirectSut, "Offline": QueuedSut, "MultiStream": QueuedSut, "Server": ServerSut}
    for scenario, kind in kinds.items():
        sut = make_sut(scenario, make_parts(Recorder()))
        assert isinstance(sut, kind)
        sut.stop()


def test_server_batches_what_waits_together() -> None:
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
    for work in split_query(*query(40), parts.samples, GRID):
        assert [(identity - 1000) * 7 % 300 for identity in work.ids] == work.indices.tolist()


@pytest.mark.parametrize("scenario", ["Offline", "MultiStream", "Server", "SingleStream"])
def test_an_exception_of_the_engine_reaches_fail(scenario: str) -> None:
    recorder = Recorder()
    parts = make_parts(recorder)
    parts.backend.options = {"fail_at_call": 1}
    ready(scenario, parts).issue(*query(1))
    assert recorder.failed.wait(30)
    assert "as it was told to" in str(recorder.failures[0])


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream"])
def test_an_exception_of_the_issue_call_reaches_fail(scenario: str) -> None:
    recorder = Recorder()
    ready(scenario, make_parts(recorder)).issue([1], [10**6])
    assert recorder.failed.wait(30)
    assert isinstance(recorder.failures[0], LookupError)


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream"])
def test_what_is_unloaded_is_gone(scenario: str) -> None:
    recorder = Recorder()
    sut = ready(scenario, make_parts(recorder))
    sut.unload(range(300))
    sut.issue(*query(1))
    assert recorder.failed.wait(30)


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
def test_logits_are_not_made_where_nobody_asks_for_them(scenario: str) -> None:
    recorder = Recorder()
    parts = make_parts(recorder)
    completed: list[int] = []
    asked: list[int] = []

    def prepare(inputs: Inputs) -> Callable[[], Answer]:
        return lambda: lambda: asked.append(1) or inputs[0]

    parts.backend.prepare = prepare
    sut = ready(scenario, replace(parts, respond=lambda ids, _answer, _lengths: completed.extend(ids)))
    sut.issue(*query(1))
    sut.stop()
    assert completed == [1000]
    assert asked == []


class TestSamplesWithoutLength:
    """Images: inferred one by one, arranged when they are loaded."""

    GRID = Grid((), (1,), 2)

    @staticmethod
    def parts(recorder: Recorder, respond: Callable[..., None], grid: Grid = GRID) -> tuple[Parts, list[int]]:
        """Give parts whose engine answers with an image's own number, and the list of images that were arranged."""
        arranged: list[int] = []

        def prepare(inputs: Inputs) -> Callable[[], Answer]:
            rows = inputs[0]
            arranged.extend(rows[:, 0].astype(int).tolist())
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
        return Parts(backend, samples, grid, respond, watchdog, recorder.fail), arranged

    @pytest.mark.parametrize(("scenario", "count"), [("Offline", 3000), ("Offline", 5), ("MultiStream", 8)])
    def test_each_gets_its_own_answer_once_and_is_arranged_before(self, scenario: str, count: int) -> None:
        recorder, found, lock = Recorder(), {}, threading.Lock()

        def respond(ids: Sequence[int], answer: Answer, lengths: None) -> None:
            assert lengths is None
            with lock:
                found.update(zip(ids, answer().tolist(), strict=True))

        parts, arranged = self.parts(recorder, respond)
        sut = make_sut(scenario, parts)
        sut.load(range(3000))
        before = len(arranged)
        sut.issue([10_000 + each for each in range(count)], [(each * 7) % 3000 for each in range(count)])
        sut.stop()

        assert not recorder.failures
        assert before == len(arranged) == 3000
        assert found == {10_000 + each: (each * 7) % 3000 for each in range(count)}
        assert parts.watchdog.completed == parts.watchdog.issued == count

    def test_a_sample_that_was_not_loaded_ends_the_run(self) -> None:
        recorder = Recorder()
        parts, _ = self.parts(recorder, lambda *_: None)
        sut = make_sut("Offline", parts)
        sut.load([1, 2])
        sut.unload([2])

        sut.issue([1], [2])

        assert recorder.failed.wait(10)
        assert isinstance(recorder.failures[0], KeyError)

    def test_where_batches_are_wanted_they_are_made(self) -> None:
        parts, _ = self.parts(Recorder(), lambda *_: None, Grid((), (4,), 1))
        sut = make_sut("Offline", parts)
        sut.stop()

        assert isinstance(sut, QueuedSut)
