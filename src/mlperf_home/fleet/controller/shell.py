"""Programs on a machine, by whatever reaches it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json

if TYPE_CHECKING:
    from mlperf_home.contracts.fleet.machines import FleetMachine

LONGEST_ANSWER = 1 << 20
_ANSWER = Limits(size=LONGEST_ANSWER, depth=8, values=20_000)


class MachineError(LocatedError):
    """A machine cannot be reached or used."""


class MachineLostError(MachineError):
    """A machine has stopped to answer."""


class Shell(ABC):
    """A way to run programs for a machine."""

    def __init__(self, machine: FleetMachine) -> None:
        self.machine = machine

    @abstractmethod
    async def shell(self, *words: str, timeout_s: float | None = None) -> tuple[int | None, str, str]:
        """Run a program; return its exit status and outputs.

        Raises:
            MachineLostError: it gave no answer.
        """

    async def ask(self, program: str, name: str, *arguments: str, timeout_s: float | None = None) -> dict[str, Any]:
        """Run one of `machine_side`'s programs, from its archive there; return its answer.

        Raises:
            MachineLostError: it gave no answer.
            MachineError: the program failed.
        """
        # -I: what lies in the working directory or the account's packages is not imported.
        words = (self.machine.python, "-I", program, name, *arguments)
        status, output, errors = await self.shell(*words, timeout_s=timeout_s)
        # What start-up files print comes before the answer.
        with suppress(DocumentError, IndexError):
            answer = parse_json(output.strip().splitlines()[-1], self.machine.name, _ANSWER)
            if isinstance(answer, dict):
                return answer
        last = " | ".join(errors.strip().splitlines()[-2:]) or f"exit status {status}"
        raise MachineError(self.machine.name, f"{name} failed there ({last})", "run the fleet with --check")
