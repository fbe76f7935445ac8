"""The sensors of the machine are read around the timed section; unknown values have a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from machine_tree import MachineTree

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.readings import Reading
from mlperf_home.harness.observation import MachineWatch, WatchedSut, peak_memory_bytes, read_machine_state
from mlperf_home.machine.readings import judge, judge_loading
from mlperf_home.machine.sensors import (
    CpuTime,
    EnergyCounters,
    Usage,
    cpu_time_between,
    energy_between,
    read_cpu_time,
    read_energy,
    read_sensors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CPUS = (0, 1)


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    return MachineTree(tmp_path)


def test_this_machine_has_a_state() -> None:
    state = read_machine_state()
    assert state.affinity_cpus
    assert state.cgroup_cpu_quota is not None or state.cgroup_cpu_quota_reason
    assert peak_memory_bytes(MachineWatch()) > 1_000_000


def watched(tree: MachineTree) -> dict[str, Reading]:
    watch = MachineWatch(tree.root, CPUS)
    watch.begin()
    watch.end()
    return watch.state()


def test_unknown_values_have_reasons(tree: MachineTree) -> None:
    state = watched(tree)
    known = {name for name, reading in state.items() if reading.value is not None}
    times = {"timed_s", "loading_s"}
    assert known == {"involuntary_switches", "load_average_1min_before", "load_average_1min_after", *times}
    assert all(reading.reason for name, reading in state.items() if name not in known)
    assert state["energy_j"].reason == "the machine has no RAPL counters in /sys/class/powercap"
    noise = judge(state)
    assert (noise.noisy_because, noise.disturbance) == ((), 0.0)
    assert noise.reason == "/proc/stat does not list the CPUs"


def test_a_disturbed_loading_is_told_apart() -> None:
    quiet = {"loading_steal_percent": Reading(0.2), "loading_other_cpu_percent": Reading(4.0)}
    assert judge_loading(quiet) == ""
    assert judge_loading({name: Reading(None, "unknown") for name in quiet}) == judge_loading({}) == ""
    warning = judge_loading({**quiet, "loading_other_cpu_percent": Reading(35.0)})
    assert warning == (
        "while the engine was opened and loaded, other programs used 35.0 % of the CPUs' time (limit 5 %);"
        " the timed section is judged by itself"
    )


@pytest.mark.parametrize("counter", ["throttled_usec {}000", "throttled_time {}000000"])
def test_waiting_for_a_quota_is_noise(tree: MachineTree, counter: str) -> None:
    place = "sys/fs/cgroup/cpu.stat"
    tree.write("proc/self/cgroup", "0::/")
    watch = MachineWatch(tree.root, CPUS)
    tree.write(place, f"nr_throttled 2\n{counter.format(5)}")
    watch.begin()
    tree.write(place, f"nr_throttled 9\n{counter.format(900_000)}")
    watch.end()
    state = watch.state()
    assert float(state["quota_wait_percent"].value or 0) > 1
    (because,) = judge({**state, "steal_percent": Reading(0), "other_cpu_percent": Reading(0)}).noisy_because
    assert because.startswith("its quota of CPU time held it back for")


def test_without_a_timed_section_there_are_no_readings(tree: MachineTree) -> None:
    watch = MachineWatch(tree.root, CPUS)
    watch.end()
    assert watch.state() == {}


class TestSensors:
    def test_only_our_cpus_give_clock_and_governor(self, tree: MachineTree) -> None:
        tree.clock(3000, 2000, 800)
        sensors = read_sensors(tree.root, CPUS)
        names = {name: reading.value for name, reading in sensors.frequencies("before").items()}
        assert names == {
            "frequency_mhz_before": 2500,
            "frequency_lowest_mhz_before": 2000,
            "frequency_highest_mhz_before": 3000,
        }
        assert sensors.governor == Reading("performance")

    def test_without_cpufreq_cpuinfo_gives_the_clock(self, tree: MachineTree) -> None:
        rows = [f"processor\t: {cpu}\ncpu MHz\t\t: {mhz}\n" for cpu, mhz in ((0, "2596.120"), (1, "odd"), (2, "9.0"))]
        tree.write("proc/cpuinfo", "\n".join(rows))
        sensors = read_sensors(tree.root, CPUS)
        assert sensors.frequencies_mhz == (2596.12,)
        assert sensors.governor.reason

    def test_the_hottest_processor_sensor_counts(self, tree: MachineTree) -> None:
        for chip, name, value in ((0, "nvme", 90_000), (1, "coretemp", 61_500), (2, "k10temp", 40_000)):
            tree.write(f"sys/class/hwmon/hwmon{chip}/name", name)
            tree.write(f"sys/class/hwmon/hwmon{chip}/temp1_input", value)
        for zone, kind, value in ((0, "acpitz", 95_000), (1, "cpu-thermal", 62_000)):
            tree.write(f"sys/class/thermal/thermal_zone{zone}/type", kind)
            tree.write(f"sys/class/thermal/thermal_zone{zone}/temp", value)
        assert read_sensors(tree.root, CPUS).temperature_c == Reading(62.0)

    def test_throttling_is_counted_over_the_run(self, tree: MachineTree) -> None:
        tree.throttled(7)
        watch = MachineWatch(tree.root, CPUS)
        watch.begin()
        tree.throttled(9)
        watch.end()
        assert watch.state()["throttle_count"] == Reading(2.0)


def cpu_look(at_s: float, busy_s: float | None, steal_s: float = 0.0, ours_s: float = 0.0) -> CpuTime:
    return CpuTime(at_s, busy_s, None if busy_s is None else steal_s, Usage(ours_s, 3), 2)


class TestCpuTime:
    def test_only_our_cpus_are_counted(self, tree: MachineTree) -> None:
        tree.ticks(busy=100, idle=50, steal=25)
        look = read_cpu_time(tree.root, CPUS)
        assert (look.busy_s, look.steal_s, look.cpus) == (2.0, 0.5, 2)

    def test_other_programs_use_the_rest_of_the_busy_time(self) -> None:
        state = cpu_time_between(cpu_look(0, 100), cpu_look(10, 115, steal_s=0.4, ours_s=12))
        assert (state["own_cpu_percent"].value, state["other_cpu_percent"].value) == (60, 15)
        assert state["steal_percent"].value == 2

    def test_rounding_gives_no_negative_share(self) -> None:
        assert cpu_time_between(cpu_look(0, 0), cpu_look(10, 9.9, ours_s=10))["other_cpu_percent"].value == 0

    @pytest.mark.parametrize(
        ("after", "words"), [(cpu_look(0.5, 1), "too coarse"), (cpu_look(10, None), "does not list")]
    )
    def test_unknown_shares_have_a_reason(self, after: CpuTime, words: str) -> None:
        state = cpu_time_between(cpu_look(0, 0), after)
        assert state["steal_percent"].value is None
        assert words in state["other_cpu_percent"].reason

    def test_an_unknown_form_of_proc_stat_gives_no_value(self, tree: MachineTree) -> None:
        tree.write("proc/stat", "cpu0 1 2 3\ncpu1 1 2 3")
        assert read_cpu_time(tree.root, CPUS).busy_s is None


class TestEnergy:
    def test_packages_are_summed_without_their_parts(self, tree: MachineTree) -> None:
        def write(first_j: float, second_j: float, other_j: int) -> EnergyCounters:
            tree.package(0, first_j)
            tree.package(1, second_j)
            tree.other_zone("intel-rapl:0:0", "core", other_j)
            tree.other_zone("intel-rapl:2", "psys", other_j)
            return read_energy(tree.root)

        assert energy_between(write(100, 50, 0), write(130.5, 60, 9000), 10) == Reading(40.5)

    def test_one_overflow_of_a_counter_is_corrected(self, tree: MachineTree) -> None:
        tree.package(0, 262_100)
        before = read_energy(tree.root)
        tree.package(0, 57)
        assert energy_between(before, read_energy(tree.root), 10) == Reading(100.0)

    @pytest.mark.parametrize(("limit_w", "known"), [(None, False), (28, True)])
    def test_possible_double_overflow_is_unknown(self, tree: MachineTree, limit_w: int | None, known: bool) -> None:
        tree.package(0, 100, range_j=65_532, limit_w=limit_w)
        before = read_energy(tree.root)
        tree.package(0, 15_100, range_j=65_532, limit_w=limit_w)
        reading = energy_between(before, read_energy(tree.root), 600)
        assert reading.value == (15_000 if known else None)
        assert ("more than once" in (reading.reason or "")) is not known

    def test_unreadable_counters_have_a_reason(self, tree: MachineTree) -> None:
        tree.package(0, 100)
        (tree.root / "sys/class/powercap/intel-rapl:0/energy_uj").unlink()
        # A folder cannot be read as a file, even by root, whom permissions would not stop.
        (tree.root / "sys/class/powercap/intel-rapl:0/energy_uj").mkdir()
        look = read_energy(tree.root)
        assert energy_between(look, look, 10).reason.endswith("most machines allow only root")


QUIET = {
    "steal_percent": Reading(0.2),
    "other_cpu_percent": Reading(4.0),
    "frequency_highest_mhz_before": Reading(3000.0),
    "frequency_highest_mhz_after": Reading(2800.0),
    "throttle_count": Reading(0.0),
    "governor": Reading("performance"),
    "governor_after": Reading("performance"),
}


class TestNoise:
    def test_a_quiet_run_has_no_noise(self) -> None:
        noise = judge(QUIET)
        assert (noise.noisy_because, noise.reason) == ((), None)
        assert noise.disturbance == pytest.approx(0.8)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"steal_percent": Reading(2.5)}, "the hypervisor gave 2.5 % of the CPUs' time to others (limit 1 %)"),
            ({"other_cpu_percent": Reading(7.0)}, "other programs used 7.0 % of the CPUs' time (limit 5 %)"),
            ({"frequency_highest_mhz_after": Reading(2400.0)}, "the clock fell from 3000 to 2400 MHz (limit 10 %)"),
            ({"throttle_count": Reading(3.0)}, "the processor throttled for heat 3 times"),
            ({"governor_after": Reading("powersave")}, "the frequency governor changed from performance to powersave"),
        ],
    )
    def test_each_exceeded_limit_is_described(self, changed: dict[str, Reading], words: str) -> None:
        noise = judge({**QUIET, **changed})
        assert noise.noisy_because == (words,)
        assert noise.disturbance > 1

    def test_the_largest_excess_is_the_disturbance(self) -> None:
        noise = judge({**QUIET, "steal_percent": Reading(3.0), "other_cpu_percent": Reading(50.0)})
        assert len(noise.noisy_because) == 2
        assert noise.disturbance == 10

    def test_unknown_readings_give_no_noise(self) -> None:
        missing = Reading(None, "not available")
        noise = judge(dict.fromkeys(QUIET, missing))
        assert (noise.noisy_because, noise.reason) == ((), "not available")

    def test_a_rising_clock_is_no_noise(self) -> None:
        assert not judge({**QUIET, "frequency_highest_mhz_after": Reading(5000.0)}).noisy_because


class _Sut:
    streams_as = "caller"

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def load(self, _indices: Sequence[int]) -> None:
        self._calls.append("load")

    def unload(self, _indices: Sequence[int]) -> None:
        self._calls.append("unload")

    def issue(self, _ids: object, _indices: object) -> None:
        self._calls.append("issue")

    def stop(self) -> None:
        self._calls.append("stop")


class _Watch(MachineWatch):
    def __init__(self, calls: list[str]) -> None:
        super().__init__()
        self._calls = calls

    def begin(self) -> None:
        self._calls.append("begin")

    def end(self) -> None:
        self._calls.append("end")


def test_the_timed_section_excludes_loading() -> None:
    calls: list[str] = []
    sut = WatchedSut(_Sut(calls), _Watch(calls))
    sut.load([0])
    sut.issue([], [])
    sut.unload([0])
    sut.stop()
    assert calls == ["load", "begin", "issue", "end", "unload", "stop"]


def test_the_first_and_the_last_reading_count(tree: MachineTree) -> None:
    watch = MachineWatch(tree.root, CPUS)
    for count in (1, 2, 5):
        tree.throttled(count)
        watch.begin()
        watch.end()
    assert watch.state()["throttle_count"] == Reading(4.0)


def test_readings_keep_their_reason() -> None:
    assert encode(Reading(None, "absent")) == {"value": None, "reason": "absent"}
    assert encode(Reading(1.5)) == {"value": 1.5, "reason": None}
