"""The run of a fleet's units: each is done once or named; every change is a line of the store first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from mlperf_home.contracts.fleet.store import StopLine, UnitLine
from mlperf_home.fleet.controller.shell import MachineError, MachineLostError
from mlperf_home.fleet.store import UnitHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.fleet.store import State
    from mlperf_home.contracts.fleet.units import Unit, UnitResult
    from mlperf_home.fleet.store import FleetStore

_HOUR_S = 3600.0


class Executor(Protocol):
    """What runs units: a machine over SSH, or a place in a cluster's queue."""

    @property
    def name(self) -> str:
        """The name of the machine, as in machines.yaml."""

    @property
    def places(self) -> int:
        """How many units run at the same time, each on a machine of its own."""

    async def run(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Run an attempt of a unit to its end, or find it again; None if it died without a result.

        Raises:
            MachineLostError: the machine does not answer for too long.
            MachineError: it cannot be used.
        """

    async def collect(self, unit: Unit, attempt: int, result: UnitResult, target: Path) -> None:
        """Copy the outputs of a unit to a folder here. Raise MachineError if they are gone."""

    def close(self) -> None:
        """Let go of the machine; what runs there runs on."""


class Endable(Executor, Protocol):
    """An executor of a fleet that is collected or stopped."""

    async def find(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Return the result of an attempt that has ended; None if it runs, or never had one."""

    async def stop(self, unit: Unit, attempt: int) -> UnitResult | None:
        """End an attempt of a unit; return its result if it has one."""


class UnitsRun:
    """The open units of one run, with what they cost.

    Attributes:
        open: the units that have no outcome in this run yet, by digest.
        stopped: whether the fleet was asked to stop.
    """

    def __init__(
        self,
        store: FleetStore,
        units: Sequence[Unit],
        prices: Mapping[str, float | None],
        tell: Callable[[UnitLine], None],
        *,
        retries: int,
        budget: float | None = None,
    ) -> None:
        self._store, self._prices, self._tell = store, prices, tell
        self._retries, self._budget = retries, budget
        self.damages: list[str] = []
        self.histories = store.histories(self.damages)
        self.open = {each.digest: each for each in units if not self.history(each).done}
        self._committed: dict[str, float] = {}
        self._place = store.lines.size()
        self.stopped = False

    def history(self, unit: Unit) -> UnitHistory:
        """Return what the store says of a unit."""
        return self.histories.setdefault(unit.digest, UnitHistory())

    def next_attempt(self, machine: str, unit: Unit) -> int:
        """Return the number of a unit's attempt on a machine that has not ended, from 1."""
        return self.history(unit).attempts.get(machine, 0) + 1

    @property
    def spent(self) -> float:
        """The cost of all attempts of all units, in the fleet's currency."""
        return sum(each.spent for each in self.histories.values())

    async def perform(self, executor: Executor, unit: Unit) -> None:
        """Run a unit to an outcome on a machine, with retries.

        Raises:
            MachineLostError: the machine is gone; the unit has no outcome.
            MachineError: the machine cannot be used; likewise.
        """
        for left in range(self._retries, -1, -1):
            if self.stopped or unit.digest not in self.open:
                return
            if not self._affordable(executor.name, unit):
                self.settle(unit, "left-out", note=f"the budget of {self._budget:g} is used up")
                return
            try:
                state = await self._attempt(executor, unit)
            finally:
                self._committed.pop(unit.digest, None)
            if state in {"done", "stopped"} or not left:
                del self.open[unit.digest]
                return

    def settle(self, unit: Unit, state: State, machine: str = "", note: str = "") -> None:
        """Settle an open unit by an outcome that is no result."""
        if self.open.pop(unit.digest, None):
            self._write(unit, state, machine, note=note)

    def name_out_of_reach(self, problems: Mapping[str, str]) -> None:
        """Name the units for which no machine is left, by the problems of the machines."""
        for unit in list(self.open.values()):
            if all(name in problems for name in unit.machines):
                name = self.history(unit).started_on or unit.machines[0]
                state: State = "lost" if name == self.history(unit).started_on else "refused"
                self.settle(unit, state, name, problems[unit.machines[0]])

    def note_lost(self, unit: Unit, state: State, machine: str, problem: str) -> None:
        """Write that a machine was lost or refused a unit, which is still open for others."""
        if unit.digest in self.open:
            self._write(unit, state, machine, self.next_attempt(machine, unit), note=problem)

    def must_stop(self) -> bool:
        """Whether somebody has asked the fleet to stop since the run began."""
        size = self._store.lines.size()
        if size > self._place:
            entries = self._store.entries([], self._place)
            self.stopped = self.stopped or any(isinstance(each, StopLine) for each in entries)
            self._place = size
        return self.stopped

    async def _attempt(self, executor: Executor, unit: Unit) -> State:
        """Run one attempt; return its state."""
        name = executor.name
        attempt = self.next_attempt(name, unit)
        self._write(unit, "started", name, attempt)
        result = await executor.run(unit, attempt)
        if result is None:
            self._write(unit, "failed", name, attempt, note="its runner died without a result")
            return "failed"
        return await self.take(executor, unit, result)

    async def take(self, executor: Executor, unit: Unit, result: UnitResult) -> State:
        """Collect the outputs of an ended attempt, then write its line; return its state.

        Raises:
            MachineLostError: the machine is gone.
        """
        name = executor.name
        attempt = self.next_attempt(name, unit)
        state: State = result.state
        problem = result.problem
        if result.outputs:
            try:
                await executor.collect(unit, attempt, result, self._store.unit_folder(name, unit.digest))
            except MachineLostError:
                raise
            except MachineError as error:
                state, problem = "failed", f"{error.problem}; {error.advice}"
        price = self._prices.get(name)
        cost = None if price is None else result.seconds / _HOUR_S * price
        self._write(unit, state, name, attempt, result.seconds, cost, problem, result.node)
        return state

    def _affordable(self, machine: str, unit: Unit) -> bool:
        """Whether a unit fits what is left of the budget, and if so, set its expected cost aside."""
        price = self._prices.get(machine) or 0.0
        expected = (unit.expected_s or 0.0) / _HOUR_S * price
        if self._budget is not None:
            used = self.spent + sum(self._committed.values())
            if used + expected > self._budget or used >= self._budget:
                return False
        self._committed[unit.digest] = expected
        return True

    def _write(  # noqa: PLR0913, PLR0917 - the fields of a line
        self,
        unit: Unit,
        state: State,
        machine: str = "",
        attempt: int = 0,
        seconds: float | None = None,
        cost: float | None = None,
        note: str = "",
        node: str = "",
    ) -> None:
        line = UnitLine(
            unit=unit.digest, state=state, time_s=time.time(), machine=machine, attempt=attempt, seconds=seconds,
            cost=cost, note=note, node=node,
        )  # fmt: skip
        self._store.append([line])
        self.history(unit).note(line)
        self._tell(line)
