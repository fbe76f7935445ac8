"""Streams in processes complete every sample once and report their failures."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.runs.failures import HarnessError
from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineDescription, Forkable
from mlperf_home.harness.observation import MachineWatch, peak_memory_bytes
from mlperf_home.harness.queries import streams as stream_processes
from mlperf_home.harness.queries.parts import SutParts, groups
from mlperf_home.harness.queries.streams import ProcessesSut
from mlperf_home.harness.queries.sut import UnbatchedSut, make_sut
from mlperf_home.harness.queries.watchdog import Watchdog
from mlperf_home.machine.cpu.placement import PhysicalCore
from mlperf_home.machine.sensors import Usage, stream_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared

_COUNT = 50


class NumberImages:
    """Image i is the number i."""

    name, sample_note, count, performance_count, lengths = "numbers", "numbers", _COUNT, _COUNT, None
    identity: dict[str, str] = {}  # noqa: RUF012 - a stub

    def adapt(self, model: Any) -> None: ...

    def load(self, indices: Sequence[int]) -> None: ...

    def unload(self, indices: Sequence[int]) -> None: ...

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        assert length is None
        return (indices.astype(np.float32),)


class ForkedBackend:
    """Answers with twice the number; its options make it fail, die, or refuse to fork."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.home = os.getpid()
        self.stream: int | None = None

    def open(self, setup: EngineSetup) -> EngineDescription:
        raise NotImplementedError(setup)

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        assert os.getpid() != self.home
        assert self.stream is not None
        number = int(inputs[0][0])
        if number == self.options.get("engine_fails_at"):
            raise BackendError("the engine failed")
        if number == self.options.get("fails_at"):
            raise ZeroDivisionError("by nothing")
        if number == self.options.get("dies_at"):
            os.kill(os.getpid(), signal.SIGKILL)
        return inputs[0] * 2

    def prepare(self, inputs: Inputs) -> Prepared:
        def infer() -> Answer:
            answer = self.run(inputs)
            return lambda: answer

        return infer

    def fork_safe(self) -> bool:
        return bool(self.options.get("fork_safe", True))

    def keep_stream(self, stream: int, prepared: Mapping[int, Prepared]) -> Mapping[int, Prepared]:
        self.stream = stream
        return prepared

    def close(self) -> None: ...


class SutRun:
    """A system under test and its completed samples."""

    def __init__(self, backend: ForkedBackend, *, streams: int = 3, outputs: bool = True) -> None:
        self.answers: dict[int, float | None] = {}
        self.failures: list[BaseException] = []
        self.ended = threading.Event()
        self.outputs = outputs
        self.expected = 0
        self.watchdog = Watchdog(60, on_stall=print, on_beat=lambda: None)
        grid = Grid((), (1,), streams)
        parts = SutParts(backend, NumberImages(), grid, self._respond, self.watchdog, self._fail, outputs)
        self.sut = make_sut("Offline", parts)

    def _respond(self, ids: Sequence[int], answer: Answer, lengths: object) -> None:
        assert lengths is None
        values = answer().tolist() if self.outputs else [None] * len(ids)
        for identity, value in zip(ids, values, strict=True):
            assert identity not in self.answers
            self.answers[identity] = value
        if len(self.answers) == self.expected:
            self.ended.set()

    def _fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.ended.set()

    def issue(self, count: int) -> None:
        self.expected = count
        self.sut.issue([10_000 + k for k in range(count)], [k * 7 % _COUNT for k in range(count)])
        assert self.ended.wait(60)

    def run(self, count: int = 1000) -> None:
        self.sut.load(range(_COUNT))
        if not self.failures:
            self.issue(count)
        self.sut.unload(range(_COUNT))
        self.sut.stop()


@pytest.mark.parametrize("streams", [2, 5])
def test_every_sample_gets_its_own_answer_once(streams: int) -> None:
    run = SutRun(ForkedBackend(), streams=streams)
    assert isinstance(run.sut, ProcessesSut)
    run.run()
    assert run.failures == []
    assert run.answers == {10_000 + k: 2.0 * (k * 7 % _COUNT) for k in range(1000)}
    assert run.watchdog.completed == run.watchdog.issued == 1000


def test_memory_files_do_not_need_memfd_create(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    run = SutRun(ForkedBackend())
    run.run(100)
    assert run.failures == []
    assert run.answers == {10_000 + k: 2.0 * (k * 7 % _COUNT) for k in range(100)}
    assert not list(Path("/dev/shm").glob("mlperf-home-*"))  # noqa: S108 - where it would be left


def test_samples_can_be_loaded_again() -> None:
    run = SutRun(ForkedBackend())
    for _ in range(2):
        run.answers.clear()
        run.ended.clear()
        run.sut.load(range(_COUNT))
        run.issue(_COUNT)
        run.sut.unload(range(_COUNT))
    assert run.failures == []
    assert len(run.answers) == _COUNT


def test_without_outputs_there_are_no_answers() -> None:
    run = SutRun(ForkedBackend(), outputs=False)
    run.run(100)
    assert set(run.answers.values()) == {None}
    assert len(run.answers) == 100


def test_an_engine_error_keeps_its_message() -> None:
    run = SutRun(ForkedBackend(engine_fails_at=7))
    run.run()
    assert isinstance(run.failures[0], BackendError)
    assert str(run.failures[0]) == "the engine failed"


def test_an_exception_keeps_its_traceback() -> None:
    run = SutRun(ForkedBackend(fails_at=7))
    run.run()
    assert "ZeroDivisionError: by nothing" in str(run.failures[0])
    assert "in run" in str(run.failures[0])


@pytest.mark.parametrize("number", [0, 7], ids=["while it warms up", "while it infers"])
def test_a_killed_process_ends_the_run(number: int) -> None:
    run = SutRun(ForkedBackend(dies_at=number))
    run.run()
    assert isinstance(run.failures[0], HarnessError)
    assert "ended by SIGKILL: the machine ran out of memory" in str(run.failures[0])


def test_no_process_and_no_descriptor_is_left() -> None:
    SutRun(ForkedBackend()).run(10)
    gc.collect()  # failures of other tests are referenced by their exceptions
    before = len(list(Path("/proc/self/fd").iterdir()))
    SutRun(ForkedBackend()).run(10)
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert stream_usage() == Usage()


def test_the_memory_of_the_processes_counts() -> None:
    run, watch = SutRun(ForkedBackend()), MachineWatch()
    run.sut.load(range(_COUNT))
    watch.begin()
    alone = peak_memory_bytes(watch)
    watch.end()
    run.sut.stop()
    # A Python process that runs has some pages of its own.
    assert peak_memory_bytes(watch) >= alone + 3 * 100_000


def _cpus_of_children() -> list[set[int]]:
    return [os.sched_getaffinity(process.pid) for process in multiprocessing.active_children() if process.pid]


def test_each_stream_has_a_core_if_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    cores = tuple(PhysicalCore((cpu,)) for cpu in (cpus[0], cpus[-1]))
    monkeypatch.setattr(stream_processes, "read_cores", lambda: cores)
    run = SutRun(ForkedBackend(), streams=2)
    run.sut.load(range(_COUNT))
    assert sorted(map(min, _cpus_of_children())) == [cpus[0], cpus[-1]]
    assert run.sut.streams_as == "processes, a core each"
    run.sut.stop()
    run = SutRun(ForkedBackend(), streams=3)
    run.sut.load(range(_COUNT))
    assert _cpus_of_children() == [set(cpus)] * 3
    assert run.sut.streams_as == "processes"
    run.sut.stop()


def test_streams_stay_on_their_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    cores = tuple(PhysicalCore((cpu,), node) for node, cpu in enumerate((cpus[0], cpus[-1])))
    monkeypatch.setattr(stream_processes, "read_cores", lambda: cores)
    run = SutRun(ForkedBackend(), streams=3)
    run.sut.load(range(_COUNT))
    assert sorted(map(min, _cpus_of_children())) == sorted([cpus[0], cpus[-1], cpus[0]])
    assert run.sut.streams_as == "processes, a CPU each"
    run.sut.stop()


def test_threads_are_used_where_a_fork_is_unsafe_or_useless() -> None:
    for run in (SutRun(ForkedBackend(fork_safe=False)), SutRun(ForkedBackend(), streams=1)):
        assert isinstance(run.sut, UnbatchedSut)
        run.sut.stop()
    assert isinstance(ForkedBackend(), Forkable)


@pytest.mark.parametrize(("count", "streams"), [(1, 4), (7, 2), (1000, 3), (24_576, 64)])
def test_groups_cover_all_samples_and_shrink(count: int, streams: int) -> None:
    parts = list(groups(count, streams, 32))
    assert [number for start, end in parts for number in range(start, end)] == list(range(count))
    sizes = [end - start for start, end in parts]
    assert max(sizes) <= 32
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_groups_have_a_smallest_size() -> None:
    parts = list(groups(1003, 3, 32, 5))
    sizes = [end - start for start, end in parts]
    assert sum(sizes) == 1003
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes[:-1]) == 5
