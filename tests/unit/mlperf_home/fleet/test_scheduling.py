"""Units on machines that are simulated: one at a time, the longest first, within the budget, each with an outcome."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.fleet.units import Unit, UnitResult
from mlperf_home.fleet.controller.scheduling import Scheduling
from mlperf_home.fleet.controller.shell import MachineError, MachineLostError
from mlperf_home.fleet.controller.units_run import UnitsRun
from mlperf_home.fleet.store import FleetStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlperf_home.contracts.fleet.store import UnitLine


class Simulated:
    """A machine that ends units after some turns of the loop, or by a rule."""

    def __init__(
        self, name: str, rule: Callable[[Unit, int], str] = lambda _unit, _attempt: "done", places: int = 1
    ) -> None:
        self.name, self._rule, self.places = name, rule, places
        self.order: list[str] = []
        self.running = self.most = 0

    async def run(self, unit: Unit, attempt: int) -> UnitResult | None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.order.append(unit.label)
        for _ in range(20):
            await asyncio.sleep(0)
        self.running -= 1
        state: Any = self._rule(unit, attempt)
        if state == "lost":
            raise MachineLostError(self.name, "is gone", "look")
        if state == "refused":
            raise MachineError(self.name, "is full", "free space")
        if state == "died":
            return None
        return UnitResult(unit=unit.digest, state=state, seconds=3600.0)

    async def collect(self, unit: Unit, attempt: int, result: UnitResult, target: Path) -> None:
        pass

    def close(self) -> None:
        pass


def unit(label: str, *machines: str, expected_s: float | None = None) -> Unit:
    digest = hashlib.sha256(f"{label} {machines}".encode()).hexdigest()
    target = machines[0] if len(machines) == 1 else "class x"
    return Unit(
        digest=digest, label=label, words=("run", "script"), target=target, machines=machines, expected_s=expected_s
    )


def run_all(
    tmp_path: Path,
    units: Sequence[Unit],
    machines: Sequence[Simulated],
    prices: dict[str, float | None] | None = None,
    **options: Any,
) -> tuple[FleetStore, list[UnitLine]]:
    store, lines = FleetStore(tmp_path / "fleet"), list[Any]()
    store.folder.mkdir(exist_ok=True)
    with store.hold():
        run = UnitsRun(store, units, prices or {}, lines.append, **{"retries": 0, **options})
        schedule = Scheduling(run, {each.name: each for each in machines}, tmp_path / "dask")
        asyncio.run(schedule.until_settled())
    return store, lines


def states(store: FleetStore, units: Sequence[Unit]) -> list[str]:
    histories = store.histories([])
    lasts = [histories[each.digest].last if each.digest in histories else None for each in units]
    return [each.state if each else "" for each in lasts]


def test_a_machine_has_one_unit_at_a_time(tmp_path: Path) -> None:
    machines = [Simulated("a"), Simulated("b")]
    units = [unit(str(number), "a", "b") for number in range(12)]

    store, _ = run_all(tmp_path, units, machines)

    assert states(store, units) == ["done"] * 12
    assert [each.most for each in machines] == [1, 1]


def test_a_queue_has_as_many_units_as_it_has_places(tmp_path: Path) -> None:
    queue, machine = Simulated("q", places=3), Simulated("a")
    units = [*(unit(str(number), "q") for number in range(12)), unit("other", "a")]

    store, _ = run_all(tmp_path, units, [queue, machine])

    assert states(store, units) == ["done"] * 13
    assert (queue.most, machine.most) == (3, 1)


def test_the_longest_is_first_and_the_unknown_before_it(tmp_path: Path) -> None:
    machine = Simulated("a")
    units = [unit("short", "a", expected_s=1), unit("long", "a", expected_s=9), unit("unknown", "a")]

    run_all(tmp_path, units, [machine])

    assert machine.order == ["unknown", "long", "short"]


def test_a_unit_that_fails_is_repeated_as_often_as_allowed(tmp_path: Path) -> None:
    machine = Simulated("a", lambda _unit, attempt: "done" if attempt == 3 else "died" if attempt == 2 else "failed")
    units = [unit("x", "a")]

    store, lines = run_all(tmp_path, units, [machine], retries=2)

    assert [(each.state, each.attempt) for each in lines if each.state != "started"] == [
        ("failed", 1),
        ("failed", 2),
        ("done", 3),
    ]
    assert states(store, units) == ["done"]


def test_what_the_budget_does_not_allow_is_named(tmp_path: Path) -> None:
    units = [unit(str(number), "a") for number in range(4)]

    store, lines = run_all(tmp_path, units, [Simulated("a")], {"a": 2.0}, budget=5.0)

    assert sorted(states(store, units)) == ["done", "done", "done", "left-out"]
    assert "the budget of 5 is used up" in lines[-1].note


def test_a_unit_too_dear_for_the_rest_is_not_begun(tmp_path: Path) -> None:
    units = [unit("dear", "a", expected_s=36_000), unit("cheap", "a", expected_s=3600)]

    store, _ = run_all(tmp_path, units, [Simulated("a")], {"a": 1.0}, budget=5.0)

    assert states(store, units) == ["left-out", "done"]


def test_units_of_a_class_go_to_the_machines_left(tmp_path: Path) -> None:
    gone = Simulated("a", lambda _unit, _attempt: "lost")
    units = [*(unit(str(number), "a", "b") for number in range(6)), unit("own", "a")]

    store, _ = run_all(tmp_path, units, [gone, Simulated("b")])

    assert states(store, units) == ["done"] * 6 + ["lost"]
    assert len(gone.order) == 1


def test_a_machine_that_cannot_be_used_stops_no_other(tmp_path: Path) -> None:
    full = Simulated("a", lambda _unit, _attempt: "refused")
    units = [unit("1", "a"), unit("2", "a"), unit("3", "b")]

    store, lines = run_all(tmp_path, units, [full, Simulated("b")])

    assert states(store, units) == ["refused", "refused", "done"]
    assert "is full; free space" in {each.note for each in lines}


def test_what_was_begun_is_looked_for_there_first(tmp_path: Path) -> None:
    first = Simulated("a", lambda _unit, _attempt: "lost")
    begun, other = unit("begun", "a", "b"), unit("other", "a", "b", expected_s=9)
    run_all(tmp_path, [begun], [first])
    again = [Simulated("a"), Simulated("b")]

    store, _ = run_all(tmp_path, [other, begun], again)

    assert states(store, [begun, other]) == ["done", "done"]
    assert again[0].order[0] == "begun"


def test_a_unit_begun_on_a_lost_machine_moves_on(tmp_path: Path) -> None:
    begun = unit("begun", "a", "b")
    for _ in range(2):
        store, _ = run_all(tmp_path, [begun], [Simulated("a", lambda _unit, _attempt: "lost")])
    assert states(store, [begun]) == ["lost"]

    store, _ = run_all(tmp_path, [begun], [Simulated("a", lambda _unit, _attempt: "lost"), Simulated("b")])

    assert states(store, [begun]) == ["done"]


def test_a_stop_line_ends_the_run(tmp_path: Path) -> None:
    store = FleetStore(tmp_path / "fleet")
    units = [unit(str(number), "a") for number in range(50)]

    def rule(each: Unit, _attempt: int) -> str:
        store.ask_to_stop()
        return "done"

    run_all(tmp_path, units, [Simulated("a", rule)])

    assert states(store, units).count("") > 0


def test_no_port_is_opened(tmp_path: Path) -> None:
    import psutil

    before = {each.laddr for each in psutil.Process().net_connections() if each.status == "LISTEN"}
    seen: set[Any] = set()

    def rule(_unit: Unit, _attempt: int) -> str:
        seen.update(each.laddr for each in psutil.Process().net_connections() if each.status == "LISTEN")
        return "done"

    run_all(tmp_path, [unit("x", "a")], [Simulated("a", rule)])

    assert seen <= before
