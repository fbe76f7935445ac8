"""A unit of a fleet's work, the request for it on a machine, and its result there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.fleet.machines import Name
from scriptgraph.files.json_reader import Limits

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
UNIT_LIMITS = Limits(size=1 << 20, depth=4, values=20_000)


class Unit(Document):
    """One command on one machine, or on one machine of several.

    Attributes:
        digest: the identity, from everything below but `expected_s` and `machines`.
        label: its values, for people ("THREADS=2"); "" for a command without values.
        words: the command's words after `cm`.
        target: the machine, or the class of machines.
        machines: the names of those that may run it.
        expected_s: the expected duration from earlier units; None if there are none.
    """

    digest: Digest
    label: str
    words: tuple[str, ...]
    target: str
    machines: tuple[Name, ...]
    expected_s: float | None = None


class UnitRequest(Document):
    """request.json: what the runner on a machine has to do.

    Attributes:
        unit: the unit's digest.
        mark: the value of MLPERF_HOME_FLEET_UNIT in the environment of all processes of this attempt.
        argv: the program and its arguments.
        env: variables that are added to the account's environment.
        cpus: the CPUs to run on; empty for all.
        lock_dir: the folder of the machine's lock.
        deadline_s: the time after which it is ended; None for no limit.
        described: the unit and its fleet in words, for others who want the machine.
    """

    unit: Digest
    mark: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cpus: tuple[int, ...] = ()
    lock_dir: str
    deadline_s: float | None = None
    described: str


class UnitResult(OpenDocument):
    """result.json: how a unit ended; the runner's last word, on the machine's disk before anyone hears of it.

    Attributes:
        state: done (exit status 0), failed, ended at its deadline, or stopped on request.
        exit_code: the exit status; negative for a signal.
        seconds: how long it ran.
        began_s: when it began, by the machine's clock, in seconds since 1970.
        outputs: the SHA-256 of the packed outputs; "" if there are none.
        outputs_bytes: their size.
        problem: what went wrong, in a line; "" for a unit that is done.
        node: the name of the computer that ran it, as it calls itself.
    """

    unit: Digest
    state: Literal["done", "failed", "deadline", "stopped"]
    exit_code: int | None = None
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    began_s: float = 0.0
    outputs: str = ""
    outputs_bytes: Annotated[int, Meta(ge=0)] = 0
    problem: str = ""
    node: str = ""
