"""Streams that are processes complete every sample once, and say how they end."""

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

from mlperf_home.contracts.failures import HarnessError
from mlperf_home.contracts.grids import Grid
from mlperf_home.engines.base import BackendError, Description, Forkable
from mlperf_home.harness.observation import HostWatch, peak_memory_bytes
from mlperf_home.harness.queries import streams as stream_processes
from mlperf_home.harness.queries.parts import Parts, groups
from mlperf_home.harness.queries.streams import ProcessesSut
from mlperf_home.harness.queries.sut import EachSut, make_sut
from mlperf_home.harness.queries.watchdog import Watchdog
from mlperf_home.machine.sensors import Usage, stream_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, Prepared, Request

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
    """Answers twice the number; fails, dies or refuses to fork as told."""

    def __init__(self, **told: Any) -> None:
        self.told = told
        self.home = os.getpid()
        self.stream: int | None = None

    def open(self, request: Request) -> Description:
        raise NotImplementedError(request)

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        assert os.getpid() != self.home
        assert self.stream is not None
        number = int(inputs[0][0])
        if number == self.told.get("engine_fails_at"):
            raise BackendError("the engine wants no more")
        if number == self.told.get("fails_at"):
            raise ZeroDivisionError("by nothing")
        if number == self.told.get("dies_at"):
            os.kill(os.getpid(), signal.SIGKILL)
        return inputs[0] * 2

    def prepare(self, inputs: Inputs) -> Prepared:
        def infer() -> Answer:
            answer = self.run(inputs)
            return lambda: answer

        return infer

    def fork_safe(self) -> bool:
        return bool(self.told.get("fork_safe", True))

    def keep_stream(self, stream: int, prepared: Mapping[int, Prepared]) -> Mapping[int, Prepared]:
        self.stream = stream
        return prepared

    def close(self) -> None: ...


class Run:
    """A system under test, and what it completed."""

    def __init__(self, backend: ForkedBackend, *, streams: int = 3, outputs: bool = True) -> None:
        self.answers: dict[int, float | None] = {}
        self.failures: list[BaseException] = []
        self.ended = threading.Event()
        self.outputs = outputs
        self.wanted = 0
        self.watchdog = Watchdog(60, on_stall=print, on_beat=lambda: None)
        grid = Grid((), (1,), streams)
        parts = Parts(backend, NumberImages(), grid, self._respond, self.watchdog, self._fail, outputs)
        self.sut = make_sut("Offline", parts)

    def _respond(self, ids: Sequence[int], answer: Answer, lengths: object) -> None:
        assert lengths is None
        values = answer().tolist() if self.outputs else [None] * len(ids)
        for identity, value in zip(ids, values, strict=True):
            assert identity not in self.answers
            self.answers[identity] = value
        if len(self.answers) == self.wanted:
            self.ended.set()

    def _fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.ended.set()

    def issue(self, count: int) -> None:
        self.wanted = count
        self.sut.issue([10_000 + k for k in range(count)], [k * 7 % _COUNT for k in range(count)])
        assert self.ended.wait(60)

    def whole(self, count: int = 1000) -> None:
        self.sut.load(range(_COUNT))
        if not self.failures:
            self.issue(count)
        self.sut.unload(range(_COUNT))
        self.sut.stop()


@pytest.mark.parametrize("streams", [2, 5])
def test_every_sample_gets_its_own_answer_once(streams: int) -> None:
    run = Run(ForkedBackend(), streams=streams)
    assert isinstance(run.sut, ProcessesSut)
    run.whole()
    assert run.failures == []
    assert run.answers == {10_000 + k: 2.0 * (k * 7 % _COUNT) for k in range(1000)}
    assert run.watchdog.completed == run.watchdog.issued == 1000


def test_a_python_without_files_in_memory_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    run = Run(ForkedBackend())
    run.whole(100)
    assert run.failures == []
    assert run.answers == {10_000 + k: 2.0 * (k * 7 % _COUNT) for k in range(100)}
    assert not list(Path("/dev/shm").glob("mlperf-home-*"))  # noqa: S108 - where it would be left


def test_samples_are_loaded_anew_as_accuracy_runs_do() -> None:
    run = Run(ForkedBackend())
    for _ in range(2):
        run.answers.clear()
        run.ended.clear()
        run.sut.load(range(_COUNT))
        run.issue(_COUNT)
        run.sut.unload(range(_COUNT))
    assert run.failures == []
    assert len(run.answers) == _COUNT


def test_without_outputs_nothing_is_answered() -> None:
    run = Run(ForkedBackend(), outputs=False)
    run.whole(100)
    assert set(run.answers.values()) == {None}
    assert len(run.answers) == 100


def test_the_engines_own_words_arrive() -> None:
    run = Run(ForkedBackend(engine_fails_at=7))
    run.whole()
    assert isinstance(run.failures[0], BackendError)
    assert str(run.failures[0]) == "the engine wants no more"


def test_a_mistake_arrives_with_its_place() -> None:
    run = Run(ForkedBackend(fails_at=7))
    run.whole()
    assert "ZeroDivisionError: by nothing" in str(run.failures[0])
    assert "in run" in str(run.failures[0])


@pytest.mark.parametrize("number", [0, 7], ids=["while it warms up", "while it infers"])
def test_a_killed_process_ends_the_run(number: int) -> None:
    run = Run(ForkedBackend(dies_at=number))
    run.whole()
    assert isinstance(run.failures[0], HarnessError)
    assert "ended by SIGKILL: the machine ran out of memory" in str(run.failures[0])


def test_no_process_is_left_and_no_descriptor() -> None:
    Run(ForkedBackend()).whole(10)
    gc.collect()  # what failed in another test is held by its exception
    before = len(list(Path("/proc/self/fd").iterdir()))
    Run(ForkedBackend()).whole(10)
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert stream_usage() == Usage()


def test_what_the_processes_use_counts() -> None:
    run, watch = Run(ForkedBackend()), HostWatch()
    run.sut.load(range(_COUNT))
    watch.begin()
    alone = peak_memory_bytes(watch)
    watch.end()
    run.sut.stop()
    # A Python process that runs has some pages of its own.
    assert peak_memory_bytes(watch) >= alone + 3 * 100_000


def _cpus_of_children() -> list[set[int]]:
    return [os.sched_getaffinity(process.pid) for process in multiprocessing.active_children() if process.pid]


def test_each_stream_has_a_core_where_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    monkeypatch.setattr(stream_processes, "cores_cpus", lambda: [{cpus[0]}, {cpus[-1]}])
    run = Run(ForkedBackend(), streams=2)
    run.sut.load(range(_COUNT))
    assert sorted(map(min, _cpus_of_children())) == [cpus[0], cpus[-1]]
    assert run.sut.streams_as == "processes, a core each"
    run.sut.stop()
    run = Run(ForkedBackend(), streams=3)
    run.sut.load(range(_COUNT))
    assert _cpus_of_children() == [set(cpus)] * 3
    assert run.sut.streams_as == "processes"
    run.sut.stop()


def test_threads_stay_where_a_fork_is_not_safe_or_of_no_use() -> None:
    for run in (Run(ForkedBackend(fork_safe=False)), Run(ForkedBackend(), streams=1)):
        assert isinstance(run.sut, EachSut)
        run.sut.stop()
    assert isinstance(ForkedBackend(), Forkable)


@pytest.mark.parametrize(("count", "streams"), [(1, 4), (7, 2), (1000, 3), (24_576, 64)])
def test_groups_cover_all_and_end_small(count: int, streams: int) -> None:
    parts = list(groups(count, streams, 32))
    assert [number for start, end in parts for number in range(start, end)] == list(range(count))
    sizes = [end - start for start, end in parts]
    assert max(sizes) <= 32
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_groups_do_not_end_smaller_than_is_worth_while() -> None:
    parts = list(groups(1003, 3, 32, 5))
    sizes = [end - start for start, end in parts]
    assert sum(sizes) == 1003
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes[:-1]) == 5
