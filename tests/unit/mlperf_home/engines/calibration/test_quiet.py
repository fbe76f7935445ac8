"""The watch discards disturbed slices, waits for a while, and then marks the calibration."""

from __future__ import annotations

import pytest

from mlperf_home.engines.calibration.quiet import QuietWatch
from mlperf_home.machine.sensors import CpuTime, Usage


class Neighbour:
    """A machine of two CPUs, where another program takes the share `load` of both until `ends_s`."""

    def __init__(self, load: float, ends_s: float, *, known: bool = True) -> None:
        self.load, self.ends_s, self.known = load, ends_s, known
        self.now_s = self.other_s = self.own_s = self.steal_s = 0.0

    def read(self) -> CpuTime:
        busy = self.other_s + self.own_s if self.known else None
        return CpuTime(self.now_s, busy, self.steal_s if self.known else None, Usage(self.own_s), 2)

    def _pass(self, seconds: float) -> None:
        beside = max(0.0, min(seconds, self.ends_s - self.now_s))
        self.other_s += 2 * self.load * beside
        self.now_s += seconds

    def sleep(self, seconds: float) -> None:
        self._pass(seconds)

    def slice(self) -> str:
        self.own_s += 0.3
        self._pass(0.3)
        return "slice"

    def watch(self, patience_s: float) -> QuietWatch:
        return QuietWatch(patience_s, self.read, lambda: self.now_s, self.sleep)


def test_a_quiet_machine_repeats_nothing() -> None:
    machine = Neighbour(0.0, 0.0)
    watch = machine.watch(30.0)
    assert [watch.measure(machine.slice) for _ in range(3)] == ["slice"] * 3
    assert watch.quiet
    assert (watch.discarded, watch.lost_s) == (0, 0.0)


def test_a_disturbed_slice_is_measured_again() -> None:
    machine = Neighbour(0.35, 4.0)
    watch = machine.watch(30.0)
    assert watch.measure(machine.slice) == "slice"
    assert watch.discarded == 1
    assert 4 <= machine.now_s < 7
    assert watch.quiet


def test_a_steady_load_is_marked_after_a_bounded_wait() -> None:
    machine = Neighbour(0.35, 1e9)
    watch = machine.watch(30.0)
    for _ in range(5):
        watch.measure(machine.slice)
    assert machine.now_s < 35
    assert not watch.quiet
    (reason,) = watch.disturbance().disturbed_because
    assert "other programs used 35.0 %" in reason


def test_small_disturbances_add_up() -> None:
    machine = Neighbour(0.10, 1e9)
    watch = machine.watch(30.0)
    for _ in range(5):
        watch.measure(machine.slice)
    assert watch.discarded == 0
    assert not watch.quiet


def test_steal_counts_as_a_disturbance() -> None:
    machine = Neighbour(0.0, 0.0)
    watch = machine.watch(0.0)

    def stolen() -> str:
        machine.steal_s += 0.2
        return machine.slice()

    watch.measure(stolen)
    watch.measure(stolen)
    assert "the hypervisor gave" in watch.disturbance().disturbed_because[0]


def test_unknown_cpu_time_is_told_and_disturbs_nothing() -> None:
    machine = Neighbour(0.5, 1e9, known=False)
    watch = machine.watch(30.0)
    watch.measure(machine.slice)
    assert watch.quiet
    assert watch.disturbance().unknown_because == "/proc/stat does not list the CPUs"


@pytest.mark.parametrize(("load", "quiet"), [(0.35, False), (0.02, True)])
def test_a_look_tells_whether_the_machine_is_quiet(load: float, quiet: bool) -> None:
    assert Neighbour(load, 1e9).watch(0.0).is_quiet_now() is quiet
