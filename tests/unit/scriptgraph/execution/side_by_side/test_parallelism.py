"""Independent steps run at the same time, measurements alone; a failure stops the others."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from tiny_scripts import Bench, plan_of

from scriptgraph.errors import StepFailed
from scriptgraph.execution.side_by_side.parallelism import MeasurementLock, Ordering, side_by_side
from scriptgraph.execution.side_by_side.working import Work
from scriptgraph.process import programs as process
from scriptgraph.process.interruption import Stopped, raise_if_stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NONE = frozenset[int]()
PATIENCE_S = 30


class TestCalls:
    def test_results_come_in_order(self) -> None:
        first = threading.Event()

        def slow() -> str:
            assert first.wait(PATIENCE_S)
            return "a"

        def quick() -> str:
            first.set()
            return "b"

        assert side_by_side([slow, quick], [NONE, NONE]) == ["a", "b"]

    def test_a_later_call_waits_for_an_earlier_one(self) -> None:
        made: list[int] = []
        calls: list[Callable[[], None]] = [lambda number=number: made.append(number) for number in range(4)]

        side_by_side(calls, [NONE, NONE, frozenset({0, 1}), frozenset({2})])

        assert made[2:] == [2, 3]

    def test_a_chain_stays_in_this_thread(self) -> None:
        threads = side_by_side([threading.current_thread] * 3, [NONE, frozenset({0}), frozenset({0, 1})])

        assert set(threads) == {threading.current_thread()}

    def test_a_failure_stops_running_and_waiting_calls(self, tmp_path: Path) -> None:
        running = threading.Event()

        def fail() -> None:
            assert running.wait(PATIENCE_S)
            raise StepFailed("first")

        def program_that_never_ends() -> None:
            script = tmp_path / "wait.py"
            script.write_text("import threading\nprint('up', flush=True)\nthreading.Event().wait()\n")
            process.run(
                [sys.executable, str(script)],
                env={},
                cwd=tmp_path,
                log=tmp_path / "log",
                on_line=lambda _: running.set(),
            )

        with pytest.raises(StepFailed, match="first"):
            side_by_side([fail, program_that_never_ends, lambda: pytest.fail("it ran")], [NONE, NONE, frozenset({0})])

    def test_a_stop_reaches_nested_groups(self) -> None:
        running = threading.Event()
        stopped: list[bool] = []

        def wait_until_stopped() -> None:
            running.set()
            try:
                while True:
                    raise_if_stopped()
                    threading.Event().wait(0.01)
            except Stopped:
                stopped.append(True)
                raise

        def inner() -> Any:
            return side_by_side([wait_until_stopped, lambda: None], [NONE, NONE])

        def fail() -> None:
            assert running.wait(PATIENCE_S)
            raise StepFailed("outer")

        with pytest.raises(StepFailed, match="outer"):
            side_by_side([inner, fail], [NONE, NONE])
        assert stopped == [True]


WORK = Work(("run", "it"), "a-step", "about 2 min")


class TestMeasurementLock:
    def test_a_measurement_and_other_steps_wait_for_each_other(self, tmp_path: Path) -> None:
        lock = MeasurementLock(tmp_path / "lock", lambda _others: None)
        order: list[str] = []
        inside, leave = threading.Event(), threading.Event()

        def worker() -> None:
            with lock.shared(WORK, lasting=False):
                inside.set()
                leave.wait(PATIENCE_S)
                order.append("worked")

        def measure() -> None:
            with lock.alone(WORK):
                order.append("measured")

        threads = [threading.Thread(target=worker), threading.Thread(target=measure)]
        threads[0].start()
        assert inside.wait(PATIENCE_S)
        threads[1].start()
        leave.set()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert order == ["worked", "measured"]

    def test_another_measuring_run_is_waited_for_and_announced(self, tmp_path: Path) -> None:
        theirs = MeasurementLock(tmp_path / "lock", lambda _others: None)
        waiting = threading.Event()
        ours = MeasurementLock(tmp_path / "lock", lambda _others: waiting.set())
        order: list[str] = []

        def work() -> None:
            with ours.shared(WORK, lasting=True):
                order.append("ours")

        with theirs.alone(WORK):
            thread = threading.Thread(target=work)
            thread.start()
            assert waiting.wait(PATIENCE_S)
            order.append("theirs")
        thread.join(PATIENCE_S)

        assert order == ["theirs", "ours"]

    def test_short_work_waits_for_no_other_run(self, tmp_path: Path) -> None:
        theirs, ours = (MeasurementLock(tmp_path / "lock", lambda _others: None) for _ in range(2))

        with theirs.alone(WORK), ours.shared(WORK, lasting=False):
            pass

    def test_several_runs_work_at_once(self, tmp_path: Path) -> None:
        def never(others: str) -> None:
            raise AssertionError(f"it waited for {others}")

        one, other = (MeasurementLock(tmp_path / "lock", never) for _ in range(2))
        with one.shared(WORK, lasting=True), one.shared(WORK, lasting=True), other.shared(WORK, lasting=True):
            pass


def waits(**scripts: dict[str, Any]) -> list[set[int]]:
    """Return what each dependency of `top` waits for; scripts in memory have no code, so no side effects."""
    return [set(each) for each in Ordering().waits_for(plan_of(scripts, "top").root.before)]


class TestOrdering:
    A: ClassVar = {"new_env_keys": ["CM_A"]}
    B: ClassVar = {"new_env_keys": ["CM_B"]}

    def test_steps_without_shared_keys_are_independent(self) -> None:
        assert waits(a=self.A, b=self.B, top={"deps": [{"tags": "a"}, {"tags": "b"}]}) == [set(), set()]

    @pytest.mark.parametrize(
        "second",
        [
            {"env_keys": ["CM_A"]},
            {"deps": [{"tags": "b", "enable_if_env": {"CM_A": ["*"]}}], "env": {"CM_A": "x"}},
            {"new_env_keys": ["CM_*"]},
            {"deps": [{"tags": "reader"}]},
        ],
    )
    def test_a_step_that_uses_a_key_waits_for_it(self, second: dict[str, Any]) -> None:
        found = waits(
            a=self.A, b=self.B, reader={"env_keys": ["CM_A"]}, c=second, top={"deps": [{"tags": "a"}, {"tags": "c"}]}
        )

        assert found == [set(), {0}]

    def test_a_value_made_from_an_export_waits(self) -> None:
        deps = [{"tags": "a"}, {"tags": "b", "env": {"CM_X": "<<<CM_A>>>"}}]

        assert waits(a=self.A, b={"env_keys": ["CM_X"]}, top={"deps": deps}) == [set(), {0}]

    def test_a_deferred_dependency_waits_for_all_and_all_for_it(self) -> None:
        deps = [{"tags": "a"}, {"tags": "b", "enable_if_env": {"CM_A": ["x"]}}, {"tags": "b"}]

        assert waits(a=self.A, b=self.B, top={"deps": deps}) == [set(), {0}, {1}]


MEETING = """
def preprocess(context: Context) -> Done:
    from meeting import barrier
    barrier.wait()
    return Done()
"""


@pytest.mark.parametrize("kind", ["cache", "pure"])
def test_independent_steps_run_at_once(bench: Bench, kind: str) -> None:
    for alias in ("a", "b"):
        bench.scripts.add(alias, MEETING, **{kind: True}, new_env_keys=[f"CM_{alias.upper()}"])
    bench.scripts.add("top", deps=[{"tags": "a"}, {"tags": "b"}])

    assert bench.run("top").status == "done"


def test_steps_with_side_effects_run_in_manifest_order(bench: Bench) -> None:
    for alias in ("a", "b", "c"):
        bench.scripts.add(alias, "def preprocess(context: Context) -> Done:\n    return Done()\n")
    bench.scripts.add("top", deps=[{"tags": alias} for alias in ("b", "c", "a")])

    assert [step.alias for step in bench.run("top").steps] == ["b", "c", "a", "top"]


def test_an_equal_step_below_two_others_runs_once(bench: Bench) -> None:
    bench.scripts.add("base", "def preprocess(context: Context) -> Done:\n    return Done()\n", pure=True)
    for alias in ("a", "b"):
        bench.scripts.add(alias, MEETING, cache=True, deps=[{"tags": "base"}], new_env_keys=[f"CM_{alias.upper()}"])
    bench.scripts.add("top", deps=[{"tags": "a"}, {"tags": "b"}])

    assert sorted(step.alias for step in bench.run("top").steps) == ["a", "b", "base", "top"]
