"""Wait in the kernel, without a single turn of a loop: for the end of a unit, or until the machine is free."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlperf_home.fleet.machine_side.leftovers import end_leftovers
from mlperf_home.fleet.machine_side.locks import hold_machine, lock, open_lock, release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def ended(unit: Path) -> dict[str, Any]:
    """Wait until a unit has no runner; return its result, or that it died without one."""
    descriptor = open_lock(unit / "lock")
    lock(descriptor, shared=True, wait=True)
    os.close(descriptor)
    return outcome(unit)


def outcome(unit: Path) -> dict[str, Any]:
    """Return the result of a unit, that it is running, that it died without a result, or that it is unknown here."""
    with suppress(FileNotFoundError):
        return {"state": "ended", "result": json.loads((unit / "result.json").read_text(encoding="utf-8"))}
    if not (unit / "request.json").exists():
        return {"state": "unknown"}
    descriptor = open_lock(unit / "lock")
    free = lock(descriptor, shared=True)
    os.close(descriptor)
    if not free:
        return {"state": "running"}
    # The runner may have ended between the first line and the last.
    again = (unit / "result.json").exists()
    return outcome(unit) if again else {"state": "died" if (unit / "pid").exists() else "unknown"}


def free(lock_dir: str, cpus: Sequence[int]) -> dict[str, Any]:
    """Wait until nobody measures on these CPUs."""
    release(hold_machine(lock_dir, cpus, wait=True))
    return {"state": "free"}


def stop(unit: Path) -> dict[str, Any]:
    """Ask the runner of a unit to end it, and wait until it has; end what a killed runner has left."""
    found = outcome(unit)
    if found["state"] == "running":
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(int((unit / "pid").read_text(encoding="ascii")), signal.SIGTERM)
        return ended(unit)
    if found["state"] == "died":
        request = json.loads((unit / "request.json").read_text(encoding="utf-8"))
        end_leftovers(request["mark"])
    return found
