"""Fleets for tests: jobs with a stub in place of an installed environment, and what their process prints."""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.fleet.job import FleetJob, SshOptions, Wheelhouse, parse_fleet_event
from mlperf_home.contracts.fleet.store import UnitLine
from mlperf_home.fleet.controller.__main__ import main as controller_main
from mlperf_home.fleet.program import write_program
from mlperf_home.fleet.store import FleetStore
from mlperf_home.fleet.units import make_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ssh_machines import Bench

    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.contracts.fleet.units import Unit

STUB = """#!{python}
import os, sys
words = dict(word[2:].partition("=")[::2] for word in sys.argv if word.startswith("--"))
if "count" in words:  # a line for each start
    with open(words["count"], "a") as file:
        file.write(os.environ["MLPERF_HOME_FLEET_UNIT"] + "\\n")
if "began" in words:  # tells the test, which reads a pipe
    with open(words["began"], "w") as file:
        file.write(str(os.getpid()) + "\\n")
if "until" in words:  # waits for the test, which writes to a pipe
    open(words["until"]).read()
home = os.path.join(os.environ["CM_REPOS"], "mlperf-home", "results")
os.makedirs(home, exist_ok=True)
with open(os.path.join(home, "told.txt"), "w") as file:
    file.write(words.get("tell", ""))
if "fail" in words:
    print('{{"error": "the stub fails"}}')
    sys.exit(1)
print("{{}}")
"""
HOUSE = Wheelhouse(digest="5" * 64, requirements="", wheels=())


class Controller:
    """The process that drives a fleet, forked from one that has imported Dask and AsyncSSH, which take seconds."""

    def __init__(self, job: Path, environment: Mapping[str, str]) -> None:
        pipe = job.with_suffix(".output")
        os.mkfifo(pipe)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(
            ["asyncssh", "distributed", "submitit", "mlperf_home.fleet.controller.scheduling"]
        )
        self._process = context.Process(target=drive, args=(str(job), str(pipe), dict(environment)))
        self._process.start()
        self.output: TextIO = pipe.open(encoding="utf-8")

    def __enter__(self) -> Controller:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self.output.close()

    @property
    def exit_code(self) -> int | None:
        """The exit status; negative for a signal."""
        return self._process.exitcode

    def kill(self) -> None:
        """End the process by SIGKILL."""
        self._process.kill()
        self._process.join()

    def communicate(self) -> str:
        """Wait for the end of the process; return the rest of its output."""
        rest = self.output.read()
        self._process.join()
        return rest


def drive(job: str, output: str, environment: dict[str, str]) -> None:
    """Do a job in this process, with its output in a pipe and some variables of the environment."""
    os.environ.update(environment)
    descriptor = os.open(output, os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = (os.fdopen(each, "w", buffering=1, encoding="utf-8") for each in (1, 2))
    sys.argv = ["controller", "--job", job]
    status = controller_main()
    sys.stdout.flush()
    os._exit(status)


@dataclass
class StubFleet:
    """A fleet whose machines have a stub for mlperf-home: nothing is installed or measured."""

    bench: Bench | None
    root: Path
    machines: tuple[FleetMachine, ...]
    name: str = "stubs"
    options: dict[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        write_program(self.root / "program.pyz")
        for machine in self.machines:
            self._install(machine)

    @property
    def store(self) -> FleetStore:
        """The fleet's store."""
        return FleetStore(self.root / self.name)

    def units(self, *words: str, each: Any = "machine", **values: Any) -> tuple[Unit, ...]:
        """Return the units of a command of the stub."""
        return make_units(self.name, ("run", "script", *words), values, self.machines, each)

    def job(self, action: Any, units: Sequence[Unit] = (), **more: Any) -> FleetJob:
        """Return a job."""
        fields = {
            "folder": self.store.folder,
            "name": self.name,
            "machines": self.machines,
            "program": self.root / "program.pyz",
            "ssh": self.bench.ssh if self.bench else SshOptions(lost_s=5.0),
            "units": tuple(units),
            "wheelhouses": {each.name: HOUSE for each in self.machines},
            "retries": 0,
            **self.options,
            **more,
        }
        return FleetJob(action=action, **fields)

    def start(self, action: str, units: Sequence[Unit] = (), **more: Any) -> Controller:
        """Start the process that drives the fleet."""
        path = self.root / f"{action}-{os.urandom(4).hex()}.json"
        write_document(path, self.job(action, units, **more))
        return Controller(path, self.environment)

    def run(self, action: str, units: Sequence[Unit] = (), **more: Any) -> list[Any]:
        """Run the process that drives the fleet to its end; return its events."""
        with self.start(action, units, **more) as process:
            output = process.communicate()
        assert process.exit_code == 0, output
        return [event for line in output.splitlines() if (event := parse_fleet_event(line))]

    def lines(self, state: str = "") -> list[UnitLine]:
        """Return the lines of the store, of one state if it is named."""
        entries = self.store.entries([])
        return [each for each in entries if isinstance(each, UnitLine) and state in {"", each.state}]

    def states(self, units: Sequence[Unit]) -> list[str]:
        """Return the last state of each unit."""
        histories = self.store.histories([])
        return [histories[each.digest].last.state if each.digest in histories else "" for each in units]  # type: ignore[union-attr]

    def _install(self, machine: FleetMachine) -> None:
        from pathlib import Path

        folder = Path(machine.folder) / machine.name if machine.in_queue else Path(machine.folder)
        place = folder / "environments" / HOUSE.digest
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "python").write_text(STUB.format(python=machine.python), encoding="utf-8")
        (place / "bin" / "python").chmod(0o755)
        (place / "complete").touch()
